// Push, the whole fleet: what the survey found is brought to every node that lacks it, batch by batch, under the operator lock. What
// always holds: a node runs the release that it had, or the new one, whole; and there is one result per node that was surveyed.
import type { NodeName } from '../core/index.ts'
import { abortable } from './abortable-transport.ts'
import { withConnection, type FleetNode } from './fleet-node.ts'
import type { OperatorLock } from './lock/operator-lock.ts'
import type { NodeResult } from './node-result.ts'
import { toChange, type Surveyed } from './push-survey.ts'
import { inspect } from './push/inspect.ts'
import type { ManifestCache } from './push/manifest-cache.ts'
import { createPacks, type Packs } from './push/packs.ts'
import { asUnchanged, digestsOf, isUnchanged, type PushValue } from './push/push-to-node.ts'
import { deliverWithResume } from './push/resume.ts'
import { changeNodes, type ChangePlan } from './roll-out/change-nodes.ts'
import type { LookedAfter } from './roll-out/look-after.ts'
import { underLock } from './roll-out/under-lock.ts'

export type PushedValue = PushValue & LookedAfter

export interface PushFleetPlan extends ChangePlan<PushedValue> {
  /** Where large compressed packs lie meanwhile; created when there is one. */
  readonly packsFolder: string
  readonly manifests: ManifestCache
  /** How often a lane of nodes waits for the same bytes, one node after the other: nodes by nodes at a time. From 1. */
  readonly rounds: number
  readonly verify: boolean
}

/** Throws FLEET_LOCK_HELD before anything is done, when another operator is at work. */
export async function pushFleet(
  surveyed: readonly NodeResult<Surveyed>[],
  plan: PushFleetPlan,
): Promise<readonly NodeResult<PushedValue>[]> {
  const changing = toChange(surveyed)
  const byNode = new Map(changing.map((one) => [one.node.node, one]))
  const nodes = changing.map(({ node }) => node)
  const failedBefore = surveyed.filter(({ ok }) => !ok).length
  const changed = await change(nodes, byNode, failedBefore, plan)
  const results = new Map(changed.map((result) => [result.node, result]))
  return surveyed.map((result) => results.get(result.node) ?? asFound(result))
}

async function change(
  nodes: readonly FleetNode[],
  byNode: ReadonlyMap<NodeName, Surveyed>,
  failedBefore: number,
  plan: PushFleetPlan,
): Promise<readonly NodeResult<PushedValue>[]> {
  const { transport, keep } = plan
  const packs = createPacks({ folder: plan.packsFolder })
  try {
    return await underLock(transport, nodes, { ...plan.lock, signal: plan.signal }, (lock) =>
      changeNodes(
        nodes,
        { batches: plan.batchesOf(nodes), maxFail: plan.maxFail, failedBefore },
        { ...plan.after, transport, keep, claimOf: (node) => lock.refresh(node) },
        plan.options,
        async (node) => {
          const one = byNode.get(node.node)
          // The nodes come from there.
          if (one === undefined) throw new TypeError(`${node.node} was not surveyed`)
          return bring(await upToDate(one, lock, plan), lock, packs, plan)
        },
      ),
    )
  } finally {
    await packs.close()
  }
}

/** Somebody may have changed the node between the survey and our lock. */
async function upToDate(one: Surveyed, lock: OperatorLock, plan: PushFleetPlan): Promise<Surveyed> {
  const { node, found, wish, trees } = one
  lock.claimOf(node.node)
  if (lock.epochBefore(node.node) === found.lock.epoch) return one
  const now = await withConnection(plan.transport, node, (connection) =>
    inspect(connection, node.base, wish, plan.signal),
  )
  return { ...one, found: now, isUnchanged: isUnchanged(now, digestsOf(trees), plan.verify) }
}

async function bring(one: Surveyed, lock: OperatorLock, packs: Packs, plan: PushFleetPlan): Promise<PushValue> {
  const { node, found, wish, trees } = one
  if (one.isUnchanged) return asUnchanged(found, trees)
  const { progress } = plan.options
  const isLast = plan.after.restart === undefined && plan.after.check === undefined
  return deliverWithResume({
    transport: abortable(plan.transport, plan.signal),
    node,
    trees,
    found,
    wish,
    claim: lock.claimOf(node.node),
    refreshClaim: () => lock.refresh(node.node),
    options: {
      packs,
      manifests: plan.manifests,
      rounds: plan.rounds,
      keep: plan.keep,
      verify: plan.verify,
      signal: plan.signal,
      ...(isLast ? { onReleased: () => lock.givenBack(node.node) } : {}),
      step: (what) => progress?.step?.(node.node, what),
      onSent: (bytes, ofBytes) => progress?.sent?.(node.node, bytes, ofBytes),
    },
  })
}

/** Of a node on which nothing was to be done. */
function asFound(result: NodeResult<Surveyed>): NodeResult<PushedValue> {
  return result.ok
    ? { node: result.node, ok: true, value: asUnchanged(result.value.found, result.value.trees) }
    : result
}
