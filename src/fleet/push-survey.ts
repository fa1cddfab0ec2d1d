// The look at every node before a push: what is there, whether the release can run there, whether there is room. Read only; nothing is
// locked for it.
import { FleetError, formatSize } from '../core/index.ts'
import { REQUIRED_TOOLS, type Inspection, type InspectionWish } from '../node/index.ts'
import type { Connection, Transport } from '../ssh/index.ts'
import { abortable } from './abortable-transport.ts'
import { withConnection, type FleetNode } from './fleet-node.ts'
import { forEachNode, type NodeResult, type Progress } from './node-result.ts'
import { inspect } from './push/inspect.ts'
import type { ManifestCache } from './push/manifest-cache.ts'
import { planPush, type PlannedTree } from './push/plan-push.ts'
import { digestsOf, isUnchanged } from './push/push-to-node.ts'
import { spaceNeeded, spaceNeededAtMost } from './push/space.ts'
import { inOrder, type Tree, type Trees } from './push/tree.ts'
import { refuseUnfit } from './release/fit.ts'
import type { ReleaseNeeds } from './release/needs.ts'
import { INTERRUPTED, notTouched } from './roll-out/roll-out.ts'
import { staleWorkers } from './stale-workers.ts'

export interface SurveyPlan {
  readonly transport: Transport
  readonly parallel: number
  readonly trees: Pick<Trees, 'release' | 'kit'>
  readonly needs: ReleaseNeeds
  /** Besides those that every node must have. */
  readonly tools: readonly string[]
  /** Undefined: workers need none. */
  readonly runtimes: Runtimes | undefined
  readonly manifests: ManifestCache
  readonly verify: boolean
  /** Look also whether workers still run another release. */
  readonly restart: boolean
  readonly signal: AbortSignal
  readonly progress?: Progress
}

export interface Runtimes {
  /** To be looked for on the node. */
  readonly programs: readonly string[]
  /** Undefined: the node has one of its own. Throws when it can have none. */
  runtimeFor(found: Inspection): Promise<Tree | undefined>
}

/** A node that can take the release, as it is now. */
export interface Surveyed {
  readonly node: FleetNode
  readonly found: Inspection
  /** How to ask it again. */
  readonly wish: InspectionWish
  readonly trees: Trees
  /** Nothing is to be brought or switched. */
  readonly isUnchanged: boolean
  /** Living workers of another release than the one that is pushed; 0 when nobody asked. */
  readonly staleWorkers: number
}

/** So that a node is not filled to the brim by what is counted in blocks, not in bytes: folders, and the growth of logs meanwhile. */
const SPACE_FACTOR = 1.05
const SPACE_MARGIN_BYTES = 16 * 1024 * 1024

/** A result per node; those that cannot take the release have the error that says why. */
export function surveyNodes(nodes: readonly FleetNode[], plan: SurveyPlan): Promise<NodeResult<Surveyed>[]> {
  return forEachNode(nodes, plan.parallel, (node) => survey(node, plan), plan.progress)
}

/** What would be sent to a node; asks it for manifests, and changes nothing. */
export function planFor(
  { node, found, trees }: Surveyed,
  plan: Pick<SurveyPlan, 'transport' | 'manifests' | 'verify' | 'signal'>,
): Promise<readonly PlannedTree[]> {
  return withConnection(abortable(plan.transport, plan.signal), node, (connection) =>
    planPush(connection, node.base, inOrder(trees), found, plan),
  )
}

/** Those on which something is to be done. */
export function toChange(surveyed: readonly NodeResult<Surveyed>[]): readonly Surveyed[] {
  return surveyed.flatMap((result) =>
    result.ok && (!result.value.isUnchanged || result.value.staleWorkers > 0) ? [result.value] : [],
  )
}

async function survey(node: FleetNode, plan: SurveyPlan): Promise<Surveyed> {
  if (plan.signal.aborted) throw notTouched(INTERRUPTED)
  return withConnection(abortable(plan.transport, plan.signal), node, async (connection) => {
    const { runtimes, needs } = plan
    const programs = [...new Set([...needs.programs.map(({ program }) => program), ...(runtimes?.programs ?? [])])]
    const plain = {
      release: plan.trees.release.manifest.digest,
      kit: plan.trees.kit.manifest.digest,
      tools: [...REQUIRED_TOOLS, ...plan.tools],
      programs,
      askNode: runtimes !== undefined,
    }
    const seen = await inspect(connection, node.base, plain, plan.signal)
    // Scripts find the runtime that is brought.
    const missingPrograms = seen.missingPrograms.filter((program) => runtimes === undefined || program !== 'node')
    const unfit = refuseUnfit(needs, { machine: seen.machine, missingPrograms })
    if (unfit !== undefined) throw unfit
    const runtime = await runtimes?.runtimeFor(seen)
    const trees: Trees = { ...plan.trees, ...(runtime === undefined ? {} : { runtime }) }
    const wish = { ...plain, ...(runtime === undefined ? {} : { runtime: runtime.manifest.digest }) }
    // Which runtime it needs is known only now.
    const found = runtime === undefined ? seen : await inspect(connection, node.base, wish, plan.signal)
    await refuseWithoutSpace(connection, node, trees, found, plan)
    const wanted = digestsOf(trees)
    const stale = plan.restart ? await staleWorkers(connection, node.base, wanted.release) : 0
    return { node, found, wish, trees, isUnchanged: isUnchanged(found, wanted, plan.verify), staleWorkers: stale }
  })
}

async function refuseWithoutSpace(
  connection: Connection,
  { base }: FleetNode,
  trees: Trees,
  found: Inspection,
  plan: SurveyPlan,
): Promise<void> {
  const { freeBytes } = found
  const fits = (bytes: number): boolean =>
    bytes === 0 || bytes * SPACE_FACTOR + SPACE_MARGIN_BYTES < (freeBytes ?? Infinity)
  const all = inOrder(trees)
  if (freeBytes === undefined || fits(spaceNeededAtMost(all, found))) return
  // What lies there already may be linked, which takes no room.
  const needed = spaceNeeded(await planPush(connection, base, all, found, plan))
  if (fits(needed)) return
  throw new FleetError(
    'FLEET_PUSH_NO_SPACE',
    `the release needs ${formatSize(needed * SPACE_FACTOR + SPACE_MARGIN_BYTES)} below ${found.base}, ${formatSize(freeBytes)} are free`,
    { remedy: 'free space on the node, lower release.keep, or set root in the inventory to a larger disk' },
  )
}
