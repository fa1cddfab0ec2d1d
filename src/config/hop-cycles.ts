// A hop that is itself reached through the node behind it can never be reached.
import { orderGroups } from './group-order.ts'
import type { ProblemOf } from './inventory-outline.ts'
import type { InventoryNode } from './model.ts'
import { quoted, type Problem } from './problem.ts'

/** One problem for each circle of hops, at the first node that is written of it. */
export function hopProblems(nodes: readonly InventoryNode[], problemOf: ProblemOf): readonly Problem[] {
  const indexes = new Map<string, number>(nodes.map(({ node }, index) => [node, index]))
  const ways = new Map(
    nodes
      .filter(({ via }) => via !== undefined && via.length > 0)
      .map(({ node, via }): [string, readonly string[]] => [node, (via ?? []).filter((hop) => indexes.has(hop))]),
  )
  return orderGroups(ways).cycles.map((cycle) => {
    const [first = ''] = cycle
    const way = [...cycle, first].map(quoted).join(' via ')
    return problemOf(
      indexes.get(first) ?? 0,
      `expected hops that lead to an end, found ${way}; "via: none" makes a hop reached directly`,
    )
  })
}
