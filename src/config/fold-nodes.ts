// 48 names in a message are noise, `node[01-48]` is information. expandRange is the inverse: it gives the same set of names.

interface Split {
  readonly prefix: string
  readonly digits: string
  readonly suffix: string
}

/** `node[01-48],other`: every name once, groups in the order of their first name, numbers rising. Empty for no names. */
export function foldNodes(names: Iterable<string>): string {
  const distinct = [...new Set(names)]
  const splits = new Map(distinct.map((name) => [name, splitsOf(name)]))
  const popularity = new Map<string, number>()
  for (const split of [...splits.values()].flat()) popularity.set(keyOf(split), (popularity.get(keyOf(split)) ?? 0) + 1)

  const groups = new Map<string, Split[]>()
  for (const [name, candidates] of splits) {
    const best = mostPopular(candidates, popularity) ?? { prefix: name, digits: '', suffix: '' }
    const group = groups.get(keyOf(best))
    if (group === undefined) groups.set(keyOf(best), [best])
    else group.push(best)
  }
  return [...groups.values()].map(foldGroup).join(',')
}

/** Every way to see a name as text, number, text. Numbers of more than 9 digits are taken as text. */
function splitsOf(name: string): readonly Split[] {
  return [...name.matchAll(/\d+/g)]
    .filter(([digits]) => digits.length <= 9)
    .map((match) => ({
      prefix: name.slice(0, match.index),
      digits: match[0],
      suffix: name.slice(match.index + match[0].length),
    }))
}

/** The split that most names share; the last one among equals, because numbers count up at the end: `10.0.0.7`. */
function mostPopular(candidates: readonly Split[], popularity: ReadonlyMap<string, number>): Split | undefined {
  let best: Split | undefined
  let bestCount = 0
  for (const candidate of candidates) {
    const count = popularity.get(keyOf(candidate)) ?? 0
    if (count >= bestCount) [best, bestCount] = [candidate, count]
  }
  return best
}

function keyOf({ prefix, digits, suffix }: Split): string {
  return digits === '' ? prefix : `${prefix}\0${suffix}`
}

function foldGroup(group: readonly Split[]): string {
  const [first] = group
  if (first === undefined) return ''
  if (group.length === 1) return first.prefix + first.digits + first.suffix
  const sorted = group.map(({ digits }) => digits).sort((a, b) => a.length - b.length || Number(a) - Number(b))
  const runs: { readonly from: string; to: string }[] = []
  for (const digits of sorted) {
    const run = runs.at(-1)
    if (run !== undefined && follows(run, digits)) run.to = digits
    else runs.push({ from: digits, to: digits })
  }
  const items = runs.map(({ from, to }) => (from === to ? from : `${from}-${to}`))
  return `${first.prefix}[${items.join(',')}]${first.suffix}`
}

/** 9 is followed by 10, 09 by 10, but 9 not by 010. */
function follows({ from, to }: { readonly from: string; readonly to: string }, digits: string): boolean {
  if (Number(digits) !== Number(to) + 1) return false
  const isPadded = (text: string): boolean => text.startsWith('0') && text.length > 1
  return digits.length === from.length || !(isPadded(from) || isPadded(digits))
}
