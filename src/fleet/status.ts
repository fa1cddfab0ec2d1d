// One picture of everything: what each node says of its slots, joined with what the dispatcher knows of its work.
import type { FleetError, NodeName } from '../core/index.ts'
import type { NodeStatus, SlotState } from '../node/index.ts'
import type { DispatcherStatus } from '../protocol/index.ts'
import type { NodeResult } from './node-result.ts'

export type SlotCounts = Readonly<Record<SlotState | 'wanted', number>>

/** `up`/`down`: what is desired there. `absent`: this job was never pushed there. `unreachable`: see `error`. */
export type NodeState = 'up' | 'down' | 'absent' | 'unreachable'

export interface NodeRow {
  readonly node: NodeName
  readonly state: NodeState
  /** Digest of `current`; empty when there is none. */
  readonly release: string
  /** Living workers by the release that they were started from, the most first; another one than `release` until they are restarted. */
  readonly releases: Readonly<Record<string, number>>
  readonly keeper: string
  readonly slots: SlotCounts
  readonly restarts: number
  readonly done: number
  readonly failed: number
  readonly ratePerMin: number
  readonly error?: FleetError
}

export interface FleetStatus {
  readonly job: string
  readonly dispatcher:
    { readonly url: string; readonly status: DispatcherStatus } | { readonly url: string; readonly error: FleetError }
  readonly nodes: readonly NodeRow[]
  readonly totals: Omit<NodeRow, 'node' | 'state' | 'release' | 'releases' | 'keeper' | 'error'>
}

/** Joins the two views. `found` is undefined for a node where the job has never been. */
export function joinStatus(
  job: string,
  dispatcher: FleetStatus['dispatcher'],
  results: readonly NodeResult<NodeStatus | undefined>[],
): FleetStatus {
  const work = new Map('status' in dispatcher ? dispatcher.status.nodes.map((node) => [node.node, node]) : [])
  const nodes = results.map((result): NodeRow => {
    const done = work.get(result.node)
    const numbers = {
      done: done?.done ?? 0,
      failed: (done?.failures ?? 0) + (done?.crashes ?? 0),
      ratePerMin: done?.rate_per_min ?? 0,
    }
    const nothing = {
      node: result.node,
      release: '',
      releases: {},
      keeper: '',
      slots: NO_SLOTS,
      restarts: 0,
      ...numbers,
    }
    if (!result.ok) return { ...nothing, state: 'unreachable', error: result.error }
    if (result.value === undefined) return { ...nothing, state: 'absent' }
    return { ...nothing, ...observed(result.value) }
  })
  return { job, dispatcher, nodes, totals: sum(nodes) }
}

const NO_SLOTS: SlotCounts = {
  wanted: 0,
  running: 0,
  adopted: 0,
  backoff: 0,
  finished: 0,
  misconfigured: 0,
  blocked: 0,
  down: 0,
  unknown: 0,
}

function observed(
  status: NodeStatus,
): Pick<NodeRow, 'state' | 'release' | 'releases' | 'keeper' | 'slots' | 'restarts'> {
  const slots: Record<SlotState | 'wanted', number> = { ...NO_SLOTS, wanted: status.state === 'up' ? status.wanted : 0 }
  for (const slot of status.slots) slots[slot.state] += 1
  const restarts = status.slots.reduce((total, slot) => total + Math.max(0, slot.starts - 1), 0)
  return {
    state: status.state === 'up' ? 'up' : 'down',
    release: status.release ?? '',
    releases: releasesOf(status),
    keeper: status.keeper,
    slots,
    restarts,
  }
}

function releasesOf(status: NodeStatus): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const { state, release } of status.slots) {
    if (release !== undefined && (state === 'running' || state === 'adopted'))
      counts.set(release, (counts.get(release) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([, one], [, other]) => other - one))
}

function sum(nodes: readonly NodeRow[]): FleetStatus['totals'] {
  const slots: Record<SlotState | 'wanted', number> = { ...NO_SLOTS }
  const totals = { restarts: 0, done: 0, failed: 0, ratePerMin: 0 }
  for (const node of nodes) {
    for (const key of Object.keys(slots) as (keyof SlotCounts)[]) slots[key] += node.slots[key]
    totals.restarts += node.restarts
    totals.done += node.done
    totals.failed += node.failed
    totals.ratePerMin += node.ratePerMin
  }
  return { slots, ...totals }
}
