// The names in an inventory and where each was written. Works on the file's raw value, so that a repeated name is told in the
// same run as an unknown key; whatever has the wrong type is skipped here, because the schema refuses it.
import { FleetError, parseNodeName } from '../core/index.ts'
import { expandName, MAX_NAMES } from './name-range.ts'
import { quoted, type Problem } from './problem.ts'
import type { YamlFile, YamlPath } from './yaml-file.ts'

/** A node may be in many groups; a file that multiplies beyond this is a mistake or an attack. */
const MAX_MEMBERSHIPS = 10 * MAX_NAMES

export interface NameEntry {
  readonly groups: string[]
  /** The key under `hosts` that holds the node's own variables. */
  hostKey: string | undefined
  /** Where the name was written first. */
  readonly path: YamlPath
}

export interface InventoryNames {
  /** In the order in which the names first appear, groups before hosts. */
  readonly entries: ReadonlyMap<string, NameEntry>
  readonly problems: readonly Problem[]
}

export function namesOfInventory(yaml: YamlFile): InventoryNames {
  const problems: Problem[] = []
  const entries = new Map<string, NameEntry>()
  const refuse = (path: YamlPath, message: string): void => {
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
  for (const [group, value] of Object.entries(recordOf(groups))) {
    const members: unknown = recordOf(value)['hosts']
    for (const [index, text] of (Array.isArray(members) ? members : []).entries()) {
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
  for (const group of Object.keys(recordOf(groups))) {
    if (entries.has(group))
      refuse(
        ['groups', group],
        `expected different names for groups and nodes, found the node ${quoted(group)} as a group`,
      )
  }
  return { entries, problems }
}

function expandedNames(
  text: string,
  path: YamlPath,
  refuse: (path: YamlPath, message: string) => void,
): readonly string[] {
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

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
