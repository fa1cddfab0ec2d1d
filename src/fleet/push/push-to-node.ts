// Push, one node: each tree goes there only if it is lacking, is verified there, and only then everything is switched to, by renames.
// It can be broken off at any moment and repeated at any time: what is there already is not sent again.
import { FleetError, type Digest } from '../../core/index.ts'
import { parsePruned, switchCommand, type Claim, type Inspection } from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { runAnyway } from '../fleet-node.ts'
import type { ManifestCache } from './manifest-cache.ts'
import { insistOnPush } from './node-refusal.ts'
import type { Packs } from './packs.ts'
import { planPush } from './plan-push.ts'
import { prepare, ship, type Shipment, type Visit } from './ship.ts'
import { SWITCH_STALL_MS } from './stall.ts'
import { inOrder, type Tree, type Trees } from './tree.ts'
import { createWire, type SentListener } from './wire.ts'

export interface PushOptions {
  /** Shared by all nodes of a push, like `manifests`. */
  readonly packs: Packs
  readonly manifests: ManifestCache
  /** How often, one after the other, a node will wait for the same pack: nodes by parallel pushes. From 1, the default. */
  readonly rounds?: number
  /** Releases that stay on the node, the newest ones; from 1. Those in use stay in any case. */
  readonly keep: number
  /** Hash everything that is there, also what was verified once and has not changed since. */
  readonly verify: boolean
  readonly onSent?: SentListener
  /** Hears what is being done, for example `sending release`. */
  readonly step?: (what: string) => void
  /** The switch is the last thing that is done on this node: it gives the operator lock back as well, which saves a round trip. Told when it has. */
  readonly onReleased?: () => void
  /** Ends the push with FLEET_SSH_ABORTED. What has arrived stays for the next one; nothing is switched. */
  readonly signal?: AbortSignal
}

export interface PushValue {
  readonly release: Digest
  readonly kit: Digest
  /** What `current` led to before; empty on the first push. */
  readonly previous: string
  /** Bytes that crossed the wire as files, compressed or not; 0 when the node had everything. */
  readonly sentBytes: number
  readonly pruned: readonly Digest[]
  readonly outcome: 'pushed' | 'mended' | 'switched' | 'unchanged'
}

export interface WantedDigests {
  readonly release: Digest
  readonly kit: Digest
  readonly runtime?: Digest
}

export function digestsOf({ release, kit, runtime }: Trees): WantedDigests {
  return {
    release: release.manifest.digest,
    kit: kit.manifest.digest,
    ...(runtime === undefined ? {} : { runtime: runtime.manifest.digest }),
  }
}

/** Whether nothing is to be done on a node that said this: then nothing is locked either, and looking was all it cost. */
export function isUnchanged(found: Inspection, wanted: WantedDigests, verify: boolean): boolean {
  const { trees } = found
  const isSealed =
    trees.releases === 'sealed' &&
    trees.kit === 'sealed' &&
    (wanted.runtime === undefined || trees.runtimes === 'sealed')
  return isSealed && !verify && isSwitched(found, wanted)
}

/** The result of a node on which nothing was to be done. */
export function asUnchanged(found: Inspection, trees: Trees): PushValue {
  const { release, kit } = digestsOf(trees)
  return { release, kit, previous: found.currentRelease, sentBytes: 0, pruned: [], outcome: 'unchanged' }
}

/**
 * Brings one node to these trees. `found` is what it said of itself when it was asked for exactly these. Throws FLEET_SSH_* when the
 * connection fails (see resume.ts), FLEET_NODE_COMMAND with the node's own words, FLEET_LOCK_LOST, FLEET_PUSH_NOT_VERIFIED,
 * FLEET_RELEASE_CHANGED. Whatever is thrown, `current` leads to a whole release: the former or the new one.
 */
export async function pushToNode(
  connection: Connection,
  base: string,
  trees: Trees,
  found: Inspection,
  claim: Claim,
  options: PushOptions,
): Promise<PushValue> {
  const wanted = digestsOf(trees)
  const brought = await bringTrees(connection, base, inOrder(trees), found, claim, options)
  const value = {
    release: wanted.release,
    kit: wanted.kit,
    previous: found.currentRelease,
    sentBytes: brought.sentBytes,
  }
  if (brought.how !== 'new' && isSwitched(found, wanted)) {
    return { ...value, pruned: [], outcome: brought.how === 'mend' ? 'mended' : 'unchanged' }
  }
  options.step?.('switching')
  const thenRelease = options.onReleased !== undefined
  const command = switchCommand(base, { ...wanted, keep: options.keep, claim, thenRelease })
  // Short, and never given up half-way: what is current afterwards is known.
  if (options.signal?.aborted === true)
    throw new FleetError('FLEET_SSH_ABORTED', 'the push was aborted before the switch')
  const result = await runAnyway(connection, command, { stallMs: SWITCH_STALL_MS })
  const pruned = parsePruned(insistOnPush(command, result).stdout)
  options.onReleased?.()
  const outcome = brought.how === 'new' ? 'pushed' : brought.how === 'mend' ? 'mended' : 'switched'
  return { ...value, pruned, outcome }
}

/** Puts trees on a node, in this order, without switching to them. `nothing`: all of them were there and well. */
export async function bringTrees(
  connection: Connection,
  base: string,
  trees: readonly Tree[],
  found: Inspection,
  claim: Claim,
  options: Omit<PushOptions, 'keep'>,
): Promise<{ readonly sentBytes: number; readonly how: 'new' | 'mend' | 'nothing' }> {
  const { packs, rounds = 1, onSent, step, signal } = options
  const { decompressors } = found
  const wire = createWire(onSent)
  const visit: Visit = { connection, base, claim, packs, decompressors, rounds, wire, step, signal }
  const shipments: Shipment[] = []
  for (const planned of await planPush(connection, base, trees, found, options)) {
    const shipment = await prepare(visit, planned)
    if (shipment !== undefined) shipments.push(shipment)
  }
  for (const shipment of shipments) await ship(visit, shipment)
  const how = shipments.some((one) => one.how === 'new') ? 'new' : shipments.length > 0 ? 'mend' : 'nothing'
  return { sentBytes: wire.sentBytes, how }
}

function isSwitched(found: Inspection, { release, kit, runtime }: WantedDigests): boolean {
  return (
    found.currentRelease === release &&
    found.currentKit === kit &&
    (runtime === undefined || found.currentRuntime === runtime)
  )
}
