// Which nodes there are: from an inventory file, or from names on the command line.
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FleetError, messageOf, parseNodeName } from '../core/index.ts'
import { checkValue } from './check-value.ts'
import { deepFreeze } from './deep-freeze.ts'
import { inventorySchema } from './inventory-schema.ts'
import type { Inventory } from './model.ts'
import { namesOfInventory } from './inventory-names.ts'
import { nodesOfInventory } from './inventory-nodes.ts'
import { expandRange, MAX_NAMES } from './name-range.ts'
import { nodeFromLayers, type Layer } from './node-layers.ts'
import { currentOperator, type Operator } from './operator.ts'
import { invalidError } from './problem.ts'
import { readYamlFile } from './yaml-file.ts'

export interface InventoryRequest {
  /** The inventory to read when `hosts` does not say otherwise: that of fleet.yml. */
  readonly file: string
  /** The value of `--hosts`: the path of an inventory, or names with ranges, parted by commas. */
  readonly hosts?: string
  /** What fleet.yml says about all nodes: the layer below the inventory's own `defaults`. */
  readonly defaults?: { readonly slots?: number; readonly root?: string }
  /** Default: whoever runs the process. */
  readonly operator?: Operator
}

/**
 * The nodes in the order of the file: those of the groups, then those that are only under `hosts`. Throws FLEET_CONFIG_NOT_FOUND,
 * FLEET_CONFIG_UNREADABLE, or FLEET_CONFIG_INVALID with one line for every problem.
 */
export function loadInventory(request: InventoryRequest): Inventory {
  const operator = request.operator ?? currentOperator()
  const base: Layer = { variables: request.defaults ?? {}, whereFrom: () => 'fleet.yml' }
  if (request.hosts !== undefined && !isFile(request.hosts)) {
    return deepFreeze({ source: '--hosts', nodes: nodesByName(request.hosts, base, operator) })
  }
  const file = request.hosts ?? request.file
  const yaml = readYamlFile(file, {
    what: 'an inventory',
    remedy: 'name the nodes with --hosts, or write an inventory with fleet init',
  })
  const checked = checkValue(inventorySchema, yaml)
  const names = namesOfInventory(yaml)
  const early = [...checked.problems, ...names.problems]
  if (checked.value === undefined || early.length > 0) throw invalidError(early)
  const { nodes, problems } = nodesOfInventory(checked.value, names, yaml, base, {
    operator,
    folder: dirname(resolve(file)),
  })
  if (problems.length > 0) throw invalidError(problems)
  return deepFreeze({ source: file, nodes })
}

/** Names have no slash and no ending of a file; a file that exists is a file in any case. */
function isFile(hosts: string): boolean {
  return existsSync(hosts) || (!hosts.includes(',') && (hosts.includes('/') || /\.(?:ya?ml|ini)$/.test(hosts)))
}

function nodesByName(hosts: string, base: Layer, operator: Operator): Inventory['nodes'] {
  const names = new Set<string>()
  try {
    for (const name of expandRange(hosts)) {
      if (names.has(name)) throw new Error(`expected each name once, found ${JSON.stringify(name)} again`)
      names.add(name)
      if (names.size > MAX_NAMES) throw new Error(`expected at most ${MAX_NAMES} names, found more`)
    }
    return [...names].map((name) =>
      nodeFromLayers(parseNodeName(name), [], [base], { operator, folder: process.cwd() }),
    )
  } catch (cause) {
    throw new FleetError('FLEET_CONFIG_INVALID', `--hosts: ${messageOf(cause)}`, {
      remedy: 'name nodes as in --hosts node01,node[02:05]',
      cause,
    })
  }
}
