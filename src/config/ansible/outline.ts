// From a draft to the nodes and what they say. Ansible's order: all < parent group < child group < group_vars/all < group_vars/*
// < host < host_vars/*; groups of one depth by ansible_group_priority, then by name.
import { dirname, join, resolve } from 'node:path'
import { createMemberships, orderGroups, type GroupOrder } from '../group-order.ts'
import type { Outline } from '../inventory-outline.ts'
import type { Layer } from '../node-layers.ts'
import { quoted } from '../problem.ts'
import type { Draft } from './draft.ts'
import { LayerReader } from './layer.ts'
import { variablesInFolder } from './variables-folder.ts'
import type { Variables } from './variable.ts'

export function outlineOfDraft(draft: Draft): Outline {
  const folder = dirname(draft.file)
  const inGroupFolder = variablesInFolder(
    join(folder, 'group_vars'),
    new Set(['all', ...draft.groups.keys()]),
    'group_vars',
    draft,
  )
  const inHostFolder = variablesInFolder(join(folder, 'host_vars'), draft.hosts.keys(), 'host_vars', draft)
  const order = orderGroups(new Map([...draft.groups].map(([name, group]) => [name, group.children.keys()])))
  refuseCycles(order, draft)
  noteSharedNames(draft)
  if (draft.problems.length > 0) return { nodes: [], groups: [], problems: draft.problems, notes: draft.notes }

  const membershipsOf = createMemberships(order.parents, ranksOf(order, draft))
  const reader = new LayerReader(resolve('.'))
  // Most nodes have no variables of their own, and share those of their groups.
  const shared = new Map<readonly string[], { readonly variables: Variables; layer: Layer | undefined }>()
  const ofGroups = (groups: readonly string[]): { readonly variables: Variables; layer: Layer | undefined } => {
    const known = shared.get(groups)
    if (known !== undefined) return known
    const names = ['all', ...groups]
    const maps = [
      ...names.map((name) => draft.groups.get(name)?.variables),
      ...names.map((name) => inGroupFolder.get(name)),
    ]
    const made = { variables: merged(maps), layer: undefined }
    shared.set(groups, made)
    return made
  }
  const nodes = [...draft.hosts].map(([name, host]) => {
    const groups = membershipsOf(host.groups)
    const common = ofGroups(groups)
    const inFolder = inHostFolder.get(name)
    const isPlain = host.variables.size === 0 && inFolder === undefined
    if (isPlain) common.layer ??= reader.read(common.variables)
    const layer =
      isPlain && common.layer !== undefined
        ? common.layer
        : reader.read(merged([common.variables, host.variables, inFolder]))
    return { name, groups: groups.filter((group) => group !== 'all'), layers: [layer], place: () => host.place }
  })
  const names = [...draft.groups.keys()].filter((group) => group !== 'all')
  return { nodes, groups: names, problems: reader.problems, notes: [...draft.notes, ...reader.notes] }
}

function merged(maps: readonly (Variables | undefined)[]): Variables {
  const all: Variables = new Map()
  for (const map of maps) for (const [name, variable] of map ?? []) all.set(name, variable)
  return all
}

/** Places in the order (depth, priority, name); depth is the longest way from `all`. */
function ranksOf({ parents, ordered }: GroupOrder, draft: Draft): ReadonlyMap<string, number> {
  const depths = new Map<string, number>()
  for (const group of ordered) {
    const above = (parents.get(group) ?? []).map((parent) => depths.get(parent) ?? 0)
    depths.set(group, group === 'all' ? 0 : 1 + above.reduce((deepest, depth) => Math.max(deepest, depth), 0))
  }
  const keyed = ordered.map((name) => ({
    name,
    depth: depths.get(name) ?? 0,
    priority: draft.groups.get(name)?.priority ?? 1,
  }))
  keyed.sort((a, b) => a.depth - b.depth || a.priority - b.priority || (a.name < b.name ? -1 : 1))
  return new Map(keyed.map(({ name }, rank) => [name, rank]))
}

function refuseCycles({ cycles }: GroupOrder, draft: Draft): void {
  for (const cycle of cycles) {
    const [first = '', second = first] = cycle
    const way = [...cycle, first].map(quoted).join(' > ')
    draft.refuse(
      draft.groups.get(first)?.children.get(second) ?? { line: 1, column: 1 },
      `expected groups that are not inside themselves, found ${way}`,
    )
  }
}

/** Ansible warns of it too. */
function noteSharedNames(draft: Draft): void {
  for (const name of draft.groups.keys()) {
    const host = draft.hosts.get(name)
    if (host !== undefined)
      draft.note(host.place, `${quoted(name)} is a host and a group; --limit ${name} means the host`)
  }
}
