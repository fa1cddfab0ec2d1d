// Push and rollback alike: nodes get another release, batch by batch, each batch looked after before the next one begins.
import type { Transport } from '../../ssh/index.ts'
import type { FleetNode } from '../fleet-node.ts'
import type { OperatorLockOptions } from '../lock/operator-lock.ts'
import type { NodeResult } from '../node-result.ts'
import { lookAfter, type AfterPlan, type LookedAfter, type Switched } from './look-after.ts'
import { rollOut, type RollOutOptions, type RollOutPlan } from './roll-out.ts'

export type ChangeOptions<Value> = Omit<RollOutOptions<FleetNode, Value>, 'afterBatch'>

/** What push and rollback are told alike. */
export interface ChangePlan<Value> {
  readonly transport: Transport
  readonly keep: number
  readonly lock: OperatorLockOptions
  /** Cuts the nodes that are to be changed. */
  readonly batchesOf: (nodes: readonly FleetNode[]) => readonly (readonly FleetNode[])[]
  readonly maxFail: number
  readonly after: Omit<AfterPlan, 'claimOf' | 'transport' | 'keep'>
  readonly options: ChangeOptions<Value>
  readonly signal: AbortSignal
}

/** `work` switches one node, under the operator lock. One result per node, in the order of `nodes`. */
export async function changeNodes<Value extends Switched>(
  nodes: readonly FleetNode[],
  plan: RollOutPlan<FleetNode>,
  after: AfterPlan,
  options: ChangeOptions<Value & LookedAfter>,
  work: (node: FleetNode) => Promise<Value>,
): Promise<readonly NodeResult<Value & LookedAfter>[]> {
  if (after.restart === undefined && after.check === undefined) return rollOut(nodes, plan, work, options)
  return rollOut<FleetNode, Value & LookedAfter>(nodes, plan, work, {
    ...options,
    afterBatch: (results, isStopping) => lookAfter(nodes, results, isStopping, after),
  })
}
