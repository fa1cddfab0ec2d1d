// A roll-out: batch after batch, until all nodes are done or too many have failed. What always holds: a node that was begun is
// waited for, a node that was not begun is not touched and has a result that says why, and there is one result per node.
//
//   (start) ──▶ batch: hand out ──▶ look at the batch ──▶ between ──▶ next batch ...
//                    │ too many failed     │ vetoed            │ the operator said no
//                    └─────────────────────┴───────────────────┴──▶ stopped: the rest is not touched
import { FleetError, type NodeName } from '../../core/index.ts'
import { forEachNode, type NodeResult, type Progress } from '../node-result.ts'

export interface RollOutPlan<Node> {
  /** In this order. A node that is in none of them is not touched. */
  readonly batches: readonly (readonly Node[])[]
  /** Failed nodes that are borne, from 0; more of them stop the roll-out. Infinity: every node is attempted. */
  readonly maxFail: number
  /** Nodes that had failed before the first batch; they count. Default 0. */
  readonly failedBefore?: number
}

/** What became of a batch once it was looked at. */
export interface BatchVerdict<Value> {
  /** Of the same nodes. */
  readonly results: readonly NodeResult<Value>[]
  /** How many of them count as failed; default: those with an error. */
  readonly failed?: number
  /** Why no further batch begins, as the end of "not touched: ...". */
  readonly veto?: string
}

export interface RollOutOptions<Node, Value> {
  /** Nodes at a time within a batch; 1 = serially. */
  readonly parallel: number
  readonly progress?: Progress
  /** Aborted: nothing further is begun. What runs is not ended by it: `work` has to listen itself. */
  readonly signal?: AbortSignal
  /** Hears of each batch before it begins; `number` counts from 1. */
  readonly onBatch?: (batch: { readonly number: number; readonly of: number; readonly nodes: readonly Node[] }) => void
  /** Before every batch but the first. Resolves with why the roll-out ends here, or undefined to go on. */
  readonly between?: () => Promise<string | undefined>
  /** Once all nodes of a batch have ended. `isStopping`: more nodes have failed than are borne. */
  readonly afterBatch?: (
    results: readonly NodeResult<Value>[],
    isStopping: (failed: number) => boolean,
  ) => Promise<BatchVerdict<Value>>
}

/** Resolves when everything that was begun has ended; results in the order of `nodes`. Never throws because a node failed. */
export async function rollOut<Node extends { readonly node: NodeName }, Value>(
  nodes: readonly Node[],
  plan: RollOutPlan<Node>,
  work: (node: Node) => Promise<Value>,
  options: RollOutOptions<Node, Value>,
): Promise<readonly NodeResult<Value>[]> {
  const { progress = {}, signal, afterBatch } = options
  const results = new Map<NodeName, NodeResult<Value>>()
  let failed = plan.failedBefore ?? 0
  let veto: string | undefined
  const whyStopped = (): string | undefined => {
    if (signal?.aborted === true) return INTERRUPTED
    if (failed > plan.maxFail) return tooManyFailed(failed, plan.maxFail)
    return veto
  }

  const runBatch = async (batch: readonly Node[]): Promise<void> => {
    const begun = new Set<NodeName>()
    const ended = await forEachNode(
      batch,
      options.parallel,
      async (node) => {
        const reason = whyStopped()
        if (reason !== undefined) throw notTouched(reason)
        begun.add(node.node)
        progress.started?.(node.node)
        return work(node)
      },
      {
        ended: (result) => {
          if (!result.ok && begun.has(result.node)) failed += 1
          // What is to be looked at again has not ended yet.
          if (afterBatch === undefined || !result.ok) progress.ended?.(result)
        },
      },
    )
    for (const result of ended) results.set(result.node, result)
    const done = ended.filter(({ node }) => begun.has(node))
    if (afterBatch === undefined || done.length === 0) return
    const failedHere = done.filter(({ ok }) => !ok).length
    const before = failed - failedHere
    const verdict = await afterBatch(done, (number) => before + number > plan.maxFail)
    for (const result of verdict.results) results.set(result.node, result)
    failed = before + (verdict.failed ?? verdict.results.filter(({ ok }) => !ok).length)
    veto ??= verdict.veto
    const wereOk = new Set(done.filter(({ ok }) => ok).map(({ node }) => node))
    for (const result of verdict.results) if (wereOk.has(result.node)) progress.ended?.(result)
  }

  for (const [index, batch] of plan.batches.entries()) {
    if (index > 0 && whyStopped() === undefined) veto = (await options.between?.()) ?? veto
    if (whyStopped() !== undefined) break
    options.onBatch?.({ number: index + 1, of: plan.batches.length, nodes: batch })
    await runBatch(batch)
  }

  return nodes.map((node) => {
    const known = results.get(node.node)
    if (known !== undefined) return known
    const result: NodeResult<Value> = {
      node: node.node,
      ok: false,
      error: notTouched(whyStopped() ?? 'it was in no batch'),
    }
    progress.ended?.(result)
    return result
  })
}

function tooManyFailed(failed: number, maxFail: number): string {
  return `${failed === 1 ? '1 node has' : `${failed} nodes have`} failed, at most ${maxFail} may`
}

/** The end of "not touched: ...". */
export const INTERRUPTED = 'the roll-out was interrupted'

export function notTouched(reason: string): FleetError {
  return new FleetError('FLEET_ROLLOUT_STOPPED', `not touched: ${reason}`, {
    remedy: 'look at what failed, then run the same command again: nodes that are done cost one round trip',
  })
}
