// Rollback: nodes go back to a release that they hold already. Nothing is uploaded: it is a rename per node, under the operator lock.
import { FleetError, type Digest } from '../core/index.ts'
import {
  parsePruned,
  parseVerification,
  REQUIRED_TOOLS,
  switchCommand,
  verifyCommand,
  type Inspection,
} from '../node/index.ts'
import type { Connection, Transport } from '../ssh/index.ts'
import { abortable } from './abortable-transport.ts'
import { run, withConnection, type FleetNode } from './fleet-node.ts'
import type { OperatorLock } from './lock/operator-lock.ts'
import { forEachNode, type NodeResult, type Progress } from './node-result.ts'
import { inspect } from './push/inspect.ts'
import { chooseRelease } from './rollback-choice.ts'
import { changeNodes, type ChangePlan } from './roll-out/change-nodes.ts'
import type { LookedAfter, Switched } from './roll-out/look-after.ts'
import { underLock } from './roll-out/under-lock.ts'
import { staleWorkers } from './stale-workers.ts'

/** A node that can go back, as it is now. */
export interface RollbackTarget {
  readonly node: FleetNode
  readonly found: Inspection
  readonly release: Digest
  /** Nothing is to be switched. */
  readonly isUnchanged: boolean
  /** Living workers of another release than this one; 0 when nobody asked. */
  readonly staleWorkers: number
}

export interface RolledBack extends Switched, LookedAfter {
  readonly pruned: readonly Digest[]
  readonly outcome: 'switched' | 'unchanged'
}

/** Of the bad files that are told. */
const TOLD = 3
/** A big release on a slow disk is read once. Milliseconds. */
const VERIFY_STALL_MS = 1_800_000

/** What each node holds. Read only. */
export function lookAtReleases(
  nodes: readonly FleetNode[],
  plan: {
    readonly transport: Transport
    readonly parallel: number
    readonly signal: AbortSignal
    readonly progress?: Progress
  },
): Promise<NodeResult<Inspection>[]> {
  return forEachNode(
    nodes,
    plan.parallel,
    (node) =>
      withConnection(abortable(plan.transport, plan.signal), node, (connection) =>
        look(connection, node, undefined, plan.signal),
      ),
    plan.progress,
  )
}

/** `wanted`: the beginning of a digest, or undefined for each node's previous one. Read only. */
export function surveyRollback(
  nodes: readonly FleetNode[],
  wanted: string | undefined,
  plan: Parameters<typeof lookAtReleases>[1] & { readonly restart: boolean },
): Promise<NodeResult<RollbackTarget>[]> {
  return forEachNode(
    nodes,
    plan.parallel,
    (node) =>
      withConnection(abortable(plan.transport, plan.signal), node, async (connection) => {
        const release = chooseRelease(await look(connection, node, undefined, plan.signal), wanted)
        const found = await look(connection, node, release, plan.signal)
        const isUnchanged = found.currentRelease === release && found.trees.releases === 'sealed'
        const stale = plan.restart ? await staleWorkers(connection, node.base, release) : 0
        return { node, found, release, isUnchanged, staleWorkers: stale }
      }),
    plan.progress,
  )
}

export type RollbackPlan = ChangePlan<RolledBack>

/** Throws FLEET_LOCK_HELD before anything is done, when another operator is at work. */
export async function rollBack(
  surveyed: readonly NodeResult<RollbackTarget>[],
  plan: RollbackPlan,
): Promise<readonly NodeResult<RolledBack>[]> {
  const targets = new Map(
    surveyed.flatMap((result) =>
      result.ok && (!result.value.isUnchanged || result.value.staleWorkers > 0) ? [[result.node, result.value]] : [],
    ),
  )
  const nodes = [...targets.values()].map(({ node }) => node)
  const work = async (node: FleetNode, lock: OperatorLock): Promise<RolledBack> => {
    const target = targets.get(node.node)
    // It stands in `targets`, where the nodes come from.
    if (target === undefined) throw new TypeError(`${node.node} was not surveyed`)
    // Throws why there is none, without dialling once more.
    lock.claimOf(node.node)
    return withConnection(plan.transport, node, (connection) => switchOne(connection, target, lock, plan))
  }
  const changed = await underLock(plan.transport, nodes, { ...plan.lock, signal: plan.signal }, (lock) =>
    changeNodes(
      nodes,
      {
        batches: plan.batchesOf(nodes),
        maxFail: plan.maxFail,
        failedBefore: surveyed.filter(({ ok }) => !ok).length,
      },
      { ...plan.after, transport: plan.transport, keep: plan.keep, claimOf: (node) => lock.refresh(node) },
      plan.options,
      (node) => work(node, lock),
    ),
  )
  const results = new Map(changed.map((result) => [result.node, result]))
  return surveyed.map(
    (result): NodeResult<RolledBack> =>
      results.get(result.node) ?? (result.ok ? { ...result, value: unchanged(result.value) } : result),
  )
}

async function switchOne(
  connection: Connection,
  target: RollbackTarget,
  lock: OperatorLock,
  plan: RollbackPlan,
): Promise<RolledBack> {
  const { node, release } = target
  const claim = lock.claimOf(node.node)
  let { found } = target
  if (lock.epochBefore(node.node) !== found.lock.epoch) {
    found = await look(connection, node, release, plan.signal)
    if (found.currentRelease !== target.found.currentRelease || found.trees.releases === 'absent') {
      throw new FleetError(
        'FLEET_ROLLBACK_NO_RELEASE',
        `another operator switched this node meanwhile: ${found.currentRelease.slice(0, 12)} is current now`,
        { remedy: 'look with fleet rollback --list, then run it again' },
      )
    }
  }
  if (found.trees.releases === 'changed') {
    const command = verifyCommand(node.base, 'releases', release, claim)
    const { stdout } = await run(connection, command, { signal: plan.signal, stallMs: VERIFY_STALL_MS })
    const { bad, extra } = parseVerification(stdout)
    if (bad.length + extra.length > 0) throw damaged(release, bad, extra)
  }
  if (found.currentRelease === release) return unchanged(target)
  const command = switchCommand(node.base, { release, keep: plan.keep, claim })
  // Short, and never given up half-way: it is known afterwards which release is current.
  const { stdout } = await run(connection, command)
  return { release, previous: found.currentRelease, pruned: parsePruned(stdout), outcome: 'switched' }
}

function unchanged({ release, found }: RollbackTarget): RolledBack {
  return { release, previous: found.currentRelease, pruned: [], outcome: 'unchanged' }
}

function look(
  connection: Connection,
  { base }: FleetNode,
  release: Digest | undefined,
  signal: AbortSignal,
): Promise<Inspection> {
  const wish = { tools: REQUIRED_TOOLS, programs: [], ...(release === undefined ? {} : { release }) }
  return inspect(connection, base, wish, signal)
}

function damaged(release: Digest, bad: readonly string[], extra: readonly string[]): FleetError {
  const told = [...bad, ...extra]
  const list = told.slice(0, TOLD).join(', ')
  const rest = told.length > TOLD ? ` and ${told.length - TOLD} more` : ''
  return new FleetError(
    'FLEET_ROLLBACK_DAMAGED',
    `release ${release.slice(0, 12)} is not as it was installed: ${list}${rest}`,
    { remedy: 'push that release again: fleet push mends it' },
  )
}
