// From a checked inventory to its nodes: every name gets its layers, and no two nodes may be one place.
import { parseNodeName } from '../core/index.ts'
import type { InventoryNames } from './inventory-names.ts'
import type { InventoryYaml } from './inventory-schema.ts'
import type { InventoryNode } from './model.ts'
import { nodeFromLayers, type Layer, type Surroundings } from './node-layers.ts'
import { placeText, quoted, type Problem } from './problem.ts'
import type { YamlFile, YamlPath } from './yaml-file.ts'

export interface InventoryNodes {
  readonly nodes: readonly InventoryNode[]
  readonly problems: readonly Problem[]
}

/** The nodes in the order of `names`; `base` is the weakest layer. Of two groups with the same node the later one wins. */
export function nodesOfInventory(
  written: InventoryYaml,
  names: InventoryNames,
  yaml: YamlFile,
  base: Layer,
  surroundings: Surroundings,
): InventoryNodes {
  const defaults = layerOf('defaults', written.defaults ?? {}, yaml, ['defaults'])
  const groupLayers = new Map(
    Object.entries(written.groups ?? {}).map(([group, variables]) => [
      group,
      layerOf(`group ${group}`, variables, yaml, ['groups', group]),
    ]),
  )
  const hostLayers = new Map(
    Object.entries(written.hosts ?? {}).map(([key, variables]) => [
      key,
      layerOf('host', variables ?? {}, yaml, ['hosts', key]),
    ]),
  )
  const nodes = [...names.entries].map(([name, { groups, hostKey }]) => {
    const own = [
      ...groups.map((group) => groupLayers.get(group)),
      hostKey === undefined ? undefined : hostLayers.get(hostKey),
    ]
    const layers = [base, defaults, ...own.filter((layer) => layer !== undefined)]
    return nodeFromLayers(parseNodeName(name), groups, layers, surroundings)
  })
  return { nodes, problems: sharedPlaces(nodes, names, yaml) }
}

function layerOf(label: string, variables: Layer['variables'], yaml: YamlFile, path: YamlPath): Layer {
  const places = new Map<string, string>()
  const whereFrom = (key: string): string => {
    const known = places.get(key)
    if (known !== undefined) return known
    const place = `${label} (${placeText(yaml.file, yaml.placeOfKey([...path, ...key.split('.')]))})`
    places.set(key, place)
    return place
  }
  return { variables, whereFrom }
}

/** Two nodes in one folder of one account would seat two workers in one slot. */
function sharedPlaces(nodes: readonly InventoryNode[], names: InventoryNames, yaml: YamlFile): readonly Problem[] {
  const problems: Problem[] = []
  const owners = new Map<string, string>()
  for (const { node, address, port, user, root, pool } of nodes) {
    if (!pool) continue
    const key = JSON.stringify([address, port, user, root])
    const owner = owners.get(key)
    owners.set(key, owner ?? node)
    if (owner === undefined) continue
    const place = yaml.placeOfKey(names.entries.get(node)?.path ?? [])
    const found = `found ${quoted(node)} at ${user}@${address} port ${port}, where ${quoted(owner)} is already`
    problems.push({ file: yaml.file, ...place, message: `expected a place of its own for every node, ${found}` })
  }
  return problems
}
