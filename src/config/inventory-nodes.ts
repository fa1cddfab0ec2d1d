// From an outline to the nodes of an inventory: every name gets its layers, no two nodes may be one place, and no way may lead back.
import { parseNodeName } from '../core/index.ts'
import { hopProblems } from './hop-cycles.ts'
import { MAX_MEMBERSHIPS, type Outline, type OutlineNode, type ProblemOf } from './inventory-outline.ts'
import type { Inventory, InventoryNode } from './model.ts'
import { nodeFromLayers, type Layer, type Surroundings } from './node-layers.ts'
import { invalidError, quoted, type Problem } from './problem.ts'
import { sharedPlaces } from './shared-places.ts'

/** `base` is the weakest layer. Throws FLEET_CONFIG_INVALID with all problems, among them nodes in one place and hops that lead back. */
export function inventoryFromOutline(
  { nodes: outlined, groups, problems, notes }: Outline,
  source: string,
  base: Layer,
  surroundings: Surroundings,
): Inventory {
  const nodes = outlined.map(({ name, groups: memberships, layers }) =>
    nodeFromLayers(parseNodeName(name), memberships, [base, ...layers], surroundings),
  )
  const placeOf = placesIn(source, outlined)
  const all = [
    ...problems,
    ...tooManyMemberships(nodes, placeOf),
    ...sharedPlaces(nodes, placeOf),
    ...hopProblems(nodes, placeOf),
  ]
  if (all.length > 0) throw invalidError(all)
  return { source, nodes, groups, notes }
}

function placesIn(file: string, nodes: readonly OutlineNode[]): ProblemOf {
  return (index, message) => ({ file, ...(nodes[index]?.place() ?? { line: 1, column: 1 }), message })
}

function tooManyMemberships(nodes: readonly InventoryNode[], problemOf: ProblemOf): readonly Problem[] {
  let count = 0
  for (const [index, { node, groups }] of nodes.entries()) {
    count += groups.length
    if (count > MAX_MEMBERSHIPS)
      return [
        problemOf(index, `expected nodes in at most ${MAX_MEMBERSHIPS} groups together, found more at ${quoted(node)}`),
      ]
  }
  return []
}
