// The names in an inventory and where each was written. Works on the file's raw value, so that a repeated name is told in the
// same run as an unknown key; whatever has the wrong type is skipped here, because the schema refuses it.
import { FleetError, parseNodeName } from '../core/index.ts'
import { orderGroups, type GroupOrder } from './group-order.ts'
import { MAX_MEMBERSHIPS } from './inventory-outline.ts'
import { GROUP_KEYS } from './inventory-schema.ts'
import { expandName, MAX_NAMES } from './name-range.ts'
import { nearestNames } from './nearest.ts'
import { quoted, type Problem } from './problem.ts'
import type { YamlFile, YamlPath } from './yaml-file.ts'

export interface NameEntry {
  /** Those that name it, in the order of the file. */
  readonly groups: string[]
  /** The key under `hosts` that holds the node's own variables. */
  hostKey: string | undefined
  /** Where the name was written first. */
  readonly path: YamlPath
}

export interface InventoryNames {
  /** In the order in which the names first appear, groups before hosts. */
  readonly entries: ReadonlyMap<string, NameEntry>
  readonly order: GroupOrder
  readonly problems: readonly Problem[]
}

export function namesOfInventory(yaml: YamlFile): InventoryNames {
  const problems: Problem[] = []
  const entries = new Map<string, NameEntry>()
  const refuse: Refuse = (path, message) => {
    problems.push({ file: yaml.file, ...yaml.placeOfKey(path), message })
  }
  let memberships = 0
  /** Calls `visit` for every name that `text` stands for, until it says that one is wrong. */
  const eachName = (
    text: string,
    path: YamlPath,
    visit: (entry: NameEntry, name: string) => string | undefined,
  ): void => {
    for (const name of expandedNames(text, path, refuse)) {
      memberships += 1
      if (memberships > MAX_MEMBERSHIPS || (entries.size >= MAX_NAMES && !entries.has(name))) {
        refuse(
          path,
          `expected at most ${MAX_NAMES} nodes with ${MAX_MEMBERSHIPS / MAX_NAMES} mentions each, found more`,
        )
        return
      }
      const entry = entries.get(name) ?? { groups: [], hostKey: undefined, path }
      entries.set(name, entry)
      const mistake = visit(entry, name)
      if (mistake === undefined) continue
      refuse(path, mistake)
      return
    }
  }

  const { groups, hosts } = recordOf(yaml.value)
  const written = Object.entries(recordOf(groups))
  for (const [group, value] of written) {
    for (const [index, text] of listOf(recordOf(value)['hosts']).entries()) {
      if (memberships > MAX_MEMBERSHIPS) break
      if (typeof text !== 'string') continue
      eachName(text, ['groups', group, 'hosts', index], (entry, name) => {
        if (entry.groups.at(-1) === group)
          return `expected each name once in group ${group}, found ${quoted(name)} again`
        entry.groups.push(group)
        return undefined
      })
    }
  }
  for (const text of Object.keys(recordOf(hosts))) {
    eachName(text, ['hosts', text], (entry, name) => {
      if (entry.hostKey !== undefined)
        return `expected each name once under hosts, found ${quoted(name)} again (also in ${quoted(entry.hostKey)})`
      entry.hostKey = text
      return undefined
    })
  }
  for (const [group, value] of written) {
    if (entries.has(group))
      refuse(
        ['groups', group],
        `expected different names for groups and nodes, found the node ${quoted(group)} as a group`,
      )
    const { hosts: members, children } = recordOf(value)
    const isEmpty = [members, children].every(
      (list) => list === undefined || (Array.isArray(list) && list.length === 0),
    )
    // A misspelt `hosts` is told already.
    const isKnown = Object.keys(recordOf(value)).every((key) => GROUP_KEYS.includes(key))
    if (isEmpty && isKnown && isRecord(value))
      refuse(['groups', group], `expected hosts or children in group ${group}, found none`)
  }
  return { entries, order: orderOf(written, refuse), problems }
}

type Refuse = (path: YamlPath, message: string) => void

function orderOf(groups: readonly (readonly [string, unknown])[], refuse: Refuse): GroupOrder {
  const nesting = new Map<string, Set<string>>(groups.map(([group]) => [group, new Set()]))
  for (const [group, value] of groups) {
    for (const [index, child] of listOf(recordOf(value)['children']).entries()) {
      if (typeof child !== 'string') continue
      const path = ['groups', group, 'children', index]
      const children = nesting.get(group)
      if (!nesting.has(child)) refuse(path, unknownGroup(child, nesting.keys()))
      else if (children?.has(child) === true)
        refuse(path, `expected each child once in group ${group}, found ${quoted(child)} again`)
      else children?.add(child)
    }
  }
  const order = orderGroups(nesting)
  for (const cycle of order.cycles) {
    const [first = ''] = cycle
    refuse(
      ['groups', first, 'children'],
      `expected groups that are not inside themselves, found ${[...cycle, first].map(quoted).join(' > ')}`,
    )
  }
  return order
}

function unknownGroup(name: string, known: Iterable<string>): string {
  const [nearest] = nearestNames(name, known, 1)
  const hint = nearest === undefined ? '' : `; did you mean ${quoted(nearest)}?`
  return `expected the name of a group, found ${quoted(name)}${hint}`
}

function expandedNames(text: string, path: YamlPath, refuse: Refuse): readonly string[] {
  try {
    const names = expandName(text)
    const wrong = names.find((name) => !isNodeName(name))
    if (wrong === undefined) return names
    refuse(path, `expected names of 1 to 128 letters, digits, ".", "_", ":" or "-", found ${quoted(wrong)}`)
  } catch (error) {
    if (!(error instanceof FleetError)) throw error
    refuse(path, error.message)
  }
  return []
}

function isNodeName(name: string): boolean {
  try {
    parseNodeName(name)
    return true
  } catch {
    return false
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
