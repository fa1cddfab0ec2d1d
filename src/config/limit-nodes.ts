// `--limit`: which of the inventory's nodes are meant. A pattern that meets nothing is an error, because a command that
// silently does nothing on no node looks like success.
import { existsSync } from 'node:fs'
import { FleetError } from '../core/index.ts'
import { foldNodes } from './fold-nodes.ts'
import type { Inventory, InventoryNode } from './model.ts'
import { expandName, splitOutsideBrackets } from './name-range.ts'
import { nearestNames } from './nearest.ts'
import { readText } from './read-text.ts'

const NEAR_NAMES = 5

interface Term {
  readonly kind: 'add' | 'intersect' | 'exclude'
  readonly text: string
}

/**
 * The nodes that `pattern` means, in the order of the inventory; without a pattern, the whole fleet. A pattern is made of names, groups, `all`,
 * globs (`*`, `?`) of both, ranges (`node[01:05]`) and `@FILE` (one name a line, `#` comments), parted by `,` or `:`. First everything plain is
 * added up (or all taken, if nothing is plain), then `&` terms keep only theirs, then `!` terms take theirs away. `pool: false` nodes are
 * meant only by their exact name. `option`: what messages call it. Throws FLEET_CONFIG_NO_MATCH with near names, FLEET_CONFIG_BAD_RANGE, FLEET_CONFIG_NOT_FOUND.
 */
export function limitNodes(inventory: Inventory, pattern?: string, option = '--limit'): Inventory {
  const index = createIndex(inventory)
  const terms = pattern === undefined ? [] : termsOf(pattern, index, option)
  const unknown: string[] = []
  const meant = (kind: Term['kind']): readonly ReadonlySet<InventoryNode>[] =>
    terms.filter((term) => term.kind === kind).map((term) => resolveTerm(term.text, index, unknown))
  const [added, kept, excluded] = [meant('add'), meant('intersect'), meant('exclude')]
  if (unknown.length > 0) throw noMatch(inventory, index, unknown)

  const start = added.length === 0 ? [index.pool] : added
  const nodes = inventory.nodes.filter(
    (node) =>
      start.some((set) => set.has(node)) &&
      kept.every((set) => set.has(node)) &&
      !excluded.some((set) => set.has(node)),
  )
  if (nodes.length === 0 && pattern !== undefined) {
    throw new FleetError(
      'FLEET_CONFIG_NO_MATCH',
      `expected ${option} ${JSON.stringify(pattern)} to leave a node of ${inventory.source}, found none${emptyGroups(terms, index)}`,
      {
        remedy: 'fleet hosts',
      },
    )
  }
  return Object.freeze({ ...inventory, nodes: Object.freeze(nodes) })
}

/** What explains it best, where it is so. */
function emptyGroups(terms: readonly Term[], { byGroup, byName }: Index): string {
  const empty = terms.filter(
    ({ kind, text }) => kind !== 'exclude' && !byName.has(text) && byGroup.get(text)?.size === 0,
  )
  const names = [...new Set(empty.map(({ text }) => text))]
  if (names.length === 0) return ''
  return names.length === 1 ? `: group ${names.join()} has no nodes` : `: groups ${names.join(', ')} have no nodes`
}

interface Index {
  readonly byName: ReadonlyMap<string, InventoryNode>
  /** Without `pool: false`. */
  readonly byGroup: ReadonlyMap<string, ReadonlySet<InventoryNode>>
  readonly pool: ReadonlySet<InventoryNode>
}

function createIndex({ nodes, groups }: Inventory): Index {
  const pool = nodes.filter((node) => node.pool)
  const byGroup = new Map<string, Set<InventoryNode>>(groups.map((group) => [group, new Set()]))
  for (const node of nodes) {
    for (const group of node.groups) {
      const members = byGroup.get(group) ?? new Set()
      if (node.pool) members.add(node)
      byGroup.set(group, members)
    }
  }
  return { byName: new Map(nodes.map((node) => [node.node, node])), byGroup, pool: new Set(pool) }
}

function termsOf(pattern: string, index: Index, option: string): readonly Term[] {
  const words = splitOutsideBrackets(pattern, ',')
    .map((word) => word.trim())
    .flatMap((word) => (isWhole(word.replace(/^[&!]/, ''), index) ? [word] : splitOutsideBrackets(word, ':')))
    .map((word) => word.trim())
    .filter((word) => word !== '')
  if (words.length === 0) {
    throw new FleetError(
      'FLEET_CONFIG_NO_MATCH',
      `expected ${option} to name nodes or groups, found an empty pattern`,
      {
        remedy: 'fleet hosts',
      },
    )
  }
  return words.map((word) => {
    if (word.startsWith('&')) return { kind: 'intersect', text: word.slice(1) }
    if (word.startsWith('!')) return { kind: 'exclude', text: word.slice(1) }
    return { kind: 'add', text: word }
  })
}

/** A name may hold colons (an IPv6 address), and so may the path of a file. */
function isWhole(word: string, index: Index): boolean {
  return index.byName.has(word) || (word.startsWith('@') && existsSync(word.slice(1)))
}

/** Adds what it does not know to `unknown`, so that all of it is told in one run. */
function resolveTerm(text: string, index: Index, unknown: string[]): ReadonlySet<InventoryNode> {
  if (text.startsWith('@')) return listedIn(text.slice(1), index, unknown)
  const bracketed = /^\[([0-9A-Fa-f:.]+)\]$/.exec(text)?.[1] ?? ''
  if (index.byName.has(bracketed)) return resolveTerm(bracketed, index, unknown)
  const exact = index.byName.get(text)
  if (exact !== undefined) return new Set([exact])
  if (text === 'all') return index.pool
  const group = index.byGroup.get(text)
  if (group !== undefined) return group
  if (text.includes('[')) return inRange(text, index, unknown)
  const nodes = /[*?]/.test(text) ? matchingGlob(text, index) : undefined
  if (nodes === undefined) unknown.push(text)
  return nodes ?? new Set()
}

/** Lines of a file: names, groups, globs, and ranges as in messages (`node[01-03,07],other`). A file cannot name another one. */
function listedIn(file: string, index: Index, unknown: string[]): ReadonlySet<InventoryNode> {
  const nodes = new Set<InventoryNode>()
  const lines = readText(file, { what: 'a list of nodes', remedy: 'write one name a line' }).split(/\r\n|\r|\n/)
  for (const line of lines) {
    for (const word of splitOutsideBrackets(line.replace(/#.*/, ''), ',').map((piece) => piece.trim())) {
      if (word.startsWith('@')) unknown.push(word)
      else if (word !== '') for (const node of resolveTerm(word, index, unknown)) nodes.add(node)
    }
  }
  return nodes
}

function inRange(text: string, index: Index, unknown: string[]): ReadonlySet<InventoryNode> {
  const nodes = new Set<InventoryNode>()
  for (const name of expandName(text)) {
    const node = index.byName.get(name)
    if (node === undefined) unknown.push(name)
    else if (node.pool) nodes.add(node)
  }
  return nodes
}

/** Undefined when neither a node nor a group has such a name. */
function matchingGlob(glob: string, index: Index): ReadonlySet<InventoryNode> | undefined {
  // Runs of stars are one star, or the expression could take exponential time.
  const source = glob
    .replace(/\*+/g, '*')
    .replace(/[.*+?^${}()|[\]\\]/g, (character) =>
      character === '*' ? '.*' : character === '?' ? '.' : `\\${character}`,
    )
  const expression = new RegExp(`^${source}$`)
  const names = [...index.byName.keys()].filter((name) => expression.test(name))
  const groups = [...index.byGroup].filter(([name]) => expression.test(name))
  if (names.length === 0 && groups.length === 0) return undefined
  const named = [...index.pool].filter((node) => expression.test(node.node))
  return new Set([...named, ...groups.flatMap(([, members]) => [...members])])
}

function noMatch({ source }: Inventory, index: Index, unknown: readonly string[]): FleetError {
  const known = [...index.byGroup.keys(), ...index.byName.keys()]
  const near = [...new Set(unknown.slice(0, NEAR_NAMES).flatMap((name) => nearestNames(name, known, NEAR_NAMES)))]
  const hint =
    near.length > 0
      ? `; near: ${foldNodes(near)}`
      : known.length > 0
        ? `; known: ${foldNodes(known.slice(0, 1000)).slice(0, 300)}`
        : ''
  const folded = foldNodes(unknown.slice(0, 1000))
  const shown = folded.length > 300 || unknown.length > 1000 ? `${folded.slice(0, 300)}...` : folded
  return new FleetError('FLEET_CONFIG_NO_MATCH', `expected nodes or groups of ${source}, found ${shown}${hint}`, {
    remedy: 'fleet hosts',
  })
}
