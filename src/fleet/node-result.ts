// A fleet operation gives one result per node. It waits for all nodes and never throws because one failed.
import { toFleetError, type FleetError, type NodeName } from '../core/index.ts'

export type NodeResult<Value> =
  | { readonly node: NodeName; readonly ok: true; readonly value: Value }
  | { readonly node: NodeName; readonly ok: false; readonly error: FleetError }

/** Told what happens while it happens; must not throw. */
export interface Progress {
  started?(node: NodeName): void
  /** A short phrase in the present tense, for example `sending 12.0 of 50.0 MiB`. */
  step?(node: NodeName, what: string): void
  /** Bytes that were sent to the node so far, of how many; told again and again, and with other numbers when the work is planned anew. */
  sent?(node: NodeName, bytes: number, ofBytes: number): void
  ended?(result: NodeResult<unknown>): void
}

/** Runs `work` for every node, at most `parallel` (1 = serially) at a time, in the order given. Resolves when all have ended, results in the same order. */
export async function forEachNode<Node extends { readonly node: NodeName }, Value>(
  nodes: readonly Node[],
  parallel: number,
  work: (node: Node) => Promise<Value>,
  progress: Progress = {},
): Promise<NodeResult<Value>[]> {
  const results: NodeResult<Value>[] = []
  const queue = nodes.entries()
  const lane = async (): Promise<void> => {
    for (const [index, node] of queue) {
      progress.started?.(node.node)
      const result = await settle(node, work)
      results[index] = result
      progress.ended?.(result)
    }
  }
  await Promise.all(Array.from({ length: Math.min(Math.max(1, parallel), nodes.length) }, lane))
  return results
}

/** Also what `work` throws before its first await is the result of its node. */
async function settle<Node extends { readonly node: NodeName }, Value>(
  node: Node,
  work: (node: Node) => Promise<Value>,
): Promise<NodeResult<Value>> {
  try {
    return { node: node.node, ok: true, value: await work(node) }
  } catch (error) {
    return { node: node.node, ok: false, error: toFleetError(error) }
  }
}
