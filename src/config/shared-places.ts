// Two nodes in one folder of one account would seat two workers in one slot. What the inventory leaves open counts as the same,
// because ssh_config would decide it for both alike.
import { canonicalAddress } from './canonical-address.ts'
import type { ProblemOf } from './inventory-outline.ts'
import type { InventoryNode } from './model.ts'
import { quoted, type Problem } from './problem.ts'

/** One problem for each node of the fleet that is where an earlier one is already. */
export function sharedPlaces(nodes: readonly InventoryNode[], problemOf: ProblemOf): readonly Problem[] {
  const problems: Problem[] = []
  const owners = new Map<string, string>()
  for (const [index, { node, address, port, user, root, via, pool }] of nodes.entries()) {
    if (!pool) continue
    const key = JSON.stringify([canonicalAddress(address), port, user, root, via])
    const owner = owners.get(key)
    if (owner === undefined) owners.set(key, node)
    else {
      const account = `${user === undefined ? '' : `${user}@`}${address}${port === undefined ? '' : ` port ${port}`}`
      const way = via === undefined || via.length === 0 ? '' : ` via ${via.join(', ')}`
      const found = `found ${quoted(node)} at ${account}${way}, where ${quoted(owner)} is already`
      problems.push(problemOf(index, `expected a place of its own for every node, ${found}`))
    }
  }
  return problems
}
