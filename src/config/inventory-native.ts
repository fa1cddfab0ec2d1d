// fleet's own form of inventory: defaults < outer group < inner group < host; of two groups that do not hold each other, the
// later one in the file wins.
import { checkValue } from './check-value.ts'
import { createMemberships } from './group-order.ts'
import { namesOfInventory } from './inventory-names.ts'
import type { Outline } from './inventory-outline.ts'
import { inventorySchema, type InventoryYaml } from './inventory-schema.ts'
import type { InventoryNames } from './inventory-names.ts'
import type { Layer } from './node-layers.ts'
import { placeText } from './problem.ts'
import type { YamlFile, YamlPath } from './yaml-file.ts'

/** The nodes in the order of the file: those of the groups, then those that are only under `hosts`. */
export function nativeOutline(yaml: YamlFile): Outline {
  const checked = checkValue(inventorySchema, yaml)
  const names = namesOfInventory(yaml)
  const problems = [...checked.problems, ...names.problems]
  if (checked.value === undefined || problems.length > 0) return { nodes: [], groups: [], problems, notes: [] }
  const groups = Object.keys(checked.value.groups ?? {})
  return { nodes: nodesOf(checked.value, names, yaml), groups, problems, notes: [] }
}

function nodesOf(written: InventoryYaml, { entries, order }: InventoryNames, yaml: YamlFile): Outline['nodes'] {
  const defaults = layerOf('defaults', written.defaults ?? {}, yaml, ['defaults'])
  const groupLayers = new Map(
    Object.entries(written.groups ?? {}).map(([group, variables]) => [
      group,
      layerOf(`group ${group}`, variables, yaml, ['groups', group]),
    ]),
  )
  const hosts = new Map(Object.entries(written.hosts ?? {}))
  const membershipsOf = createMemberships(order.parents, new Map(order.ordered.map((group, rank) => [group, rank])))
  // A range of hosts is one layer of many nodes.
  const hostLayers = new Map<string, Layer>()
  return [...entries].map(([name, { groups: direct, hostKey, path }]) => {
    const groups = membershipsOf(direct)
    const layers = [defaults, ...groups.map((group) => groupLayers.get(group)).filter((layer) => layer !== undefined)]
    if (hostKey !== undefined) {
      const own = hostLayers.get(hostKey) ?? layerOf('host', hosts.get(hostKey) ?? {}, yaml, ['hosts', hostKey])
      hostLayers.set(hostKey, own)
      layers.push(own)
    }
    return { name, groups, layers, place: () => yaml.placeOfKey(path) }
  })
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
