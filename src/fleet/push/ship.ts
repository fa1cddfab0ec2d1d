// Brings one tree to one node: sends what the plan says, hears what is bad there, and sends that anew. What always holds: the tree has
// its final name only after the node has verified all of it.
import { FleetError } from '../../core/index.ts'
import { parseVerification, receiveCommand, verifyCommand, type Claim, type Inspection } from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { runAnyway } from '../fleet-node.ts'
import { insistOnSources } from './changed-sources.ts'
import { chooseCompression } from './choose-compression.ts'
import { packMembers } from './members.ts'
import { insistOnPush } from './node-refusal.ts'
import type { Pack } from './pack.ts'
import type { Packs } from './packs.ts'
import type { PlannedTree } from './plan-push.ts'
import { planTree, stagedWhole, type Plan } from './plan.ts'
import { verifyStallMs } from './stall.ts'
import type { Tree } from './tree.ts'
import type { Wire } from './wire.ts'

/** One push to one node. */
export interface Visit {
  readonly connection: Connection
  /** As fleet.yml says it: perhaps with a leading `~`. */
  readonly base: string
  readonly claim: Claim
  readonly packs: Packs
  readonly decompressors: Inspection['decompressors']
  readonly rounds: number
  readonly wire: Wire
  readonly step: ((what: string) => void) | undefined
  readonly signal: AbortSignal | undefined
}

export interface Shipment {
  readonly tree: Tree
  /** `mend`: it lies there damaged, only what is bad is replaced. */
  readonly how: 'new' | 'mend'
  readonly plan: Plan
  readonly pack: Pack
}

/** sysexits.h EX_IOERR: what arrived is not what was announced. */
const BAD = 74
const MAX_ROUNDS = 3

/** What has to be sent for a tree; undefined when it turned out to be well. */
export async function prepare(visit: Visit, planned: PlannedTree): Promise<Shipment | undefined> {
  if (planned.how === 'new') return packed(visit, planned.tree, 'new', planned.plan)
  const { tree } = planned
  visit.step?.(`verifying ${labelOf(tree)}`)
  const command = verifyCommand(visit.base, tree.kind, tree.manifest.digest, visit.claim)
  const result = await runAnyway(visit.connection, command, {
    stallMs: verifyStallMs(tree.manifest.sizeBytes),
    ...abortable(visit),
  })
  const { bad, extra } = parseVerification(insistOnPush(command, result).stdout)
  if (bad.length + extra.length === 0) return undefined
  return packed(visit, tree, 'mend', replacement(tree, 'mend', new Set(bad)))
}

/** Throws FLEET_PUSH_NOT_VERIFIED when the same tree arrives damaged again and again, FLEET_RELEASE_CHANGED when that was a file's fault here. */
export async function ship(visit: Visit, first: Shipment): Promise<void> {
  const { tree, how } = first
  let shipment = first
  for (let round = 1; ; round += 1) {
    visit.step?.(`sending ${labelOf(tree)}`)
    const bad = await send(visit, shipment)
    if (bad === undefined) return
    const { files, rests } = shipment.plan
    const sent = new Set([...files, ...rests].map(({ path }) => path))
    await insistOnSources(
      tree,
      tree.manifest.files.filter(({ path }) => bad.has(path) && sent.has(path)),
    )
    if (round === MAX_ROUNDS) throw notVerified(bad)
    shipment = await packed(visit, tree, how, replacement(tree, how, bad))
  }
}

async function packed(visit: Visit, tree: Tree, how: Shipment['how'], plan: Plan): Promise<Shipment> {
  const { connection, packs, decompressors, rounds, wire } = visit
  const members = packMembers(tree, plan)
  const compression = await chooseCompression(connection, packs, members, decompressors, {
    rounds,
    ...abortable(visit),
  })
  const pack = await packs.pack(members, compression)
  wire.expect(pack.sizeBytes)
  return { tree, how, plan, pack }
}

/** Undefined when the tree is installed, else the paths that turned out bad. */
async function send(visit: Visit, { tree, how, pack }: Shipment): Promise<ReadonlySet<string> | undefined> {
  const { kind, manifest } = tree
  const { claim } = visit
  const { compression } = pack
  const command = receiveCommand(visit.base, kind, manifest.digest, {
    claim,
    compression,
    how,
    contentBytes: manifest.sizeBytes,
  })
  const result = await runAnyway(visit.connection, command, {
    stdin: visit.wire.count(pack.open()),
    stallMs: verifyStallMs(manifest.sizeBytes),
    ...abortable(visit),
  }).catch((error: unknown) => {
    throw sourceError(error)
  })
  if (result.exitCode === BAD) {
    const { bad } = parseVerification(result.stdout)
    if (bad.length > 0) return new Set(bad)
  }
  insistOnPush(command, result)
  return undefined
}

/** What broke here (a file that changed, say) explains more than that the input of a command could not be read. */
function sourceError(error: unknown): unknown {
  return error instanceof FleetError && error.code === 'FLEET_SSH_INPUT' && error.cause instanceof FleetError
    ? error.cause
    : error
}

/** Everything else is in its place, but for links: what is staged when a node begins to receive holds none, for its own safety. */
function replacement({ manifest }: Tree, how: Shipment['how'], bad: ReadonlySet<string>): Plan {
  return planTree(manifest, { staged: stagedWhole(manifest, how === 'mend'), trees: [], bad })
}

function notVerified(bad: ReadonlySet<string>): FleetError {
  const named = [...bad].slice(0, 5).join(', ')
  const others = bad.size > 5 ? ` and ${bad.size - 5} more` : ''
  return new FleetError(
    'FLEET_PUSH_NOT_VERIFIED',
    `expected the files on the node to have their digests, these were wrong ${MAX_ROUNDS} times in a row: ${named}${others}`,
    { remedy: 'look at the memory and the disk of the node (dmesg, smartctl): they do not give back what was written' },
  )
}

function labelOf({ kind }: Tree): string {
  return kind === 'releases' ? 'release' : kind === 'runtimes' ? 'runtime' : 'kit'
}

function abortable({ signal }: Visit): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
