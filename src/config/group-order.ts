// Groups that hold groups. Which of two wins, and which groups a node is in by way of nesting. Pure; deep nesting costs no stack.

/** Every group with its children. A child need not be a key. */
export type Nesting = ReadonlyMap<string, Iterable<string>>

export interface GroupOrder {
  readonly parents: ReadonlyMap<string, readonly string[]>
  /** In the order given, but every parent before its children. */
  readonly ordered: readonly string[]
  /** Each as the groups from parent to child, from the one that is written first; it is the child of the last. Not empty: `ordered` is of no use. */
  readonly cycles: readonly (readonly string[])[]
}

/** More would only hide the first ones. */
const MAX_CYCLES = 100

export function orderGroups(nesting: Nesting): GroupOrder {
  const parents = new Map<string, string[]>()
  for (const [group, children] of nesting) {
    for (const child of children) {
      const known = parents.get(child)
      if (known === undefined) parents.set(child, [group])
      else known.push(group)
    }
  }
  const ordered: string[] = []
  const cycles: (readonly string[])[] = []
  const done = new Set<string>()
  for (const start of nesting.keys()) {
    // From a group upwards: what is on the path waits for its parents.
    const path = done.has(start) ? [] : [{ group: start, next: 0 }]
    const onPath = new Set([start])
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const parent = parents.get(top.group)?.[top.next]
      top.next += 1
      if (parent === undefined) {
        done.add(top.group)
        onPath.delete(top.group)
        ordered.push(top.group)
        path.pop()
      } else if (onPath.has(parent)) {
        if (cycles.length === MAX_CYCLES) continue
        const groups = path.map(({ group }) => group)
        cycles.push(fromFirst(groups.slice(groups.indexOf(parent)).reverse(), nesting))
      } else if (!done.has(parent)) {
        path.push({ group: parent, next: 0 })
        onPath.add(parent)
      }
    }
  }
  return { parents, ordered, cycles }
}

function fromFirst(cycle: readonly string[], nesting: Nesting): readonly string[] {
  const members = new Set(cycle)
  const first = [...nesting.keys()].find((group) => members.has(group)) ?? ''
  const start = cycle.indexOf(first)
  return [...cycle.slice(start), ...cycle.slice(0, start)]
}

/** From the groups that name a node to all that it is in, weakest first by `ranks`. The same list for the same groups. */
export function createMemberships(
  parents: GroupOrder['parents'],
  ranks: ReadonlyMap<string, number>,
): (direct: readonly string[]) => readonly string[] {
  const known = new Map<string, readonly string[]>()
  const rankOf = (group: string): number => ranks.get(group) ?? 0
  return (direct) => {
    const key = direct.join('\0')
    const before = known.get(key)
    if (before !== undefined) return before
    // A set may grow while it is walked.
    const all = new Set(direct)
    for (const group of all) for (const parent of parents.get(group) ?? []) all.add(parent)
    const groups = [...all].sort((a, b) => rankOf(a) - rankOf(b))
    known.set(key, groups)
    return groups
  }
}
