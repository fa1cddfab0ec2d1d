// Which nodes there are: from an inventory file in any of its forms, or from names on the command line.
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { draftFromLines } from './ansible/ini.ts'
import { outlineOfDraft } from './ansible/outline.ts'
import { draftFromYaml } from './ansible/yaml.ts'
import { nodesOfCommandLine } from './command-line-nodes.ts'
import { deepFreeze } from './deep-freeze.ts'
import { dynamicInventory, formatOfText, formatOfYaml, likelyDialect } from './inventory-format.ts'
import { nativeOutline } from './inventory-native.ts'
import { inventoryFromOutline } from './inventory-nodes.ts'
import type { Outline } from './inventory-outline.ts'
import type { Inventory } from './model.ts'
import type { Layer } from './node-layers.ts'
import { currentOperator, type Operator } from './operator.ts'
import { readText } from './read-text.ts'
import { parseYamlText } from './yaml-file.ts'

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
 * The nodes in the order in which the file first names them. The file is in fleet's own form, an Ansible inventory (YAML or INI) or a plain
 * list. Throws FLEET_CONFIG_NOT_FOUND, FLEET_CONFIG_UNREADABLE, FLEET_CONFIG_DYNAMIC, or FLEET_CONFIG_INVALID with one line for every problem.
 */
export function loadInventory(request: InventoryRequest): Inventory {
  const operator = request.operator ?? currentOperator()
  const base: Layer = { variables: request.defaults ?? {}, whereFrom: () => 'fleet.yml' }
  const { hosts } = request
  if (hosts !== undefined && !isFile(hosts)) {
    const outline = { nodes: nodesOfCommandLine(hosts), groups: [], problems: [], notes: [] }
    return deepFreeze(inventoryFromOutline(outline, '--hosts', base, { operator, folder: process.cwd() }))
  }
  const file = hosts ?? request.file
  return deepFreeze(inventoryFromOutline(readOutline(file), file, base, { operator, folder: dirname(resolve(file)) }))
}

/** Names have no slash and no ending of a file; a file that exists is a file in any case. */
function isFile(hosts: string): boolean {
  return existsSync(hosts) || (!hosts.includes(',') && (hosts.includes('/') || /\.(?:ya?ml|ini|json|txt)$/.test(hosts)))
}

function readOutline(file: string): Outline {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) throw dynamicInventory(file, 'a folder')
  const text = readText(file, {
    what: 'an inventory',
    remedy: 'name the nodes with --hosts, or write an inventory with fleet init',
  })
  if (formatOfText(text, file) === 'lines') return outlineOfDraft(draftFromLines(text, file))
  const guess = likelyDialect(text)
  const yaml = parseYamlText(text, file, guess)
  const form = formatOfYaml(yaml)
  const parsed = form === guess ? yaml : parseYamlText(text, file, form)
  return form === 'fleet' ? nativeOutline(parsed) : outlineOfDraft(draftFromYaml(parsed))
}
