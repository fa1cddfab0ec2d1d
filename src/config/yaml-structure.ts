// What is wrong with a YAML document though its syntax is right: aliases of nothing, endless depth, keys that are none. One
// walk, because a file may hold 100,000 hosts.
import { isAlias, isMap, isPair, isScalar, isSeq, type Document, type Node, type Scalar, type YAMLMap } from 'yaml'
import { quoted, type Place } from './problem.ts'

/** Groups in groups in groups: 100 levels of Ansible's `children`. The parser's own end is at some 800. */
const MAX_DEPTH = 200
export const TOO_DEEP = `expected at most ${MAX_DEPTH} levels of lists and mappings in each other, found more`

interface Fault extends Place {
  readonly message: string
}

export interface Structure {
  /** The document cannot be resolved. */
  readonly fatal: readonly Fault[]
  /** Keys that are repeated or cannot be. */
  readonly keys: readonly Fault[]
}

/** `asWritten`: names and numbers are set to their text in `document` where YAML reads them as something else. */
export function structureOf(
  document: Document.Parsed,
  place: (offset: number) => Place,
  { asWritten }: { readonly asWritten: boolean },
): Structure {
  const fatal: Fault[] = []
  const keys: Fault[] = []
  const anchors = new Set<string>()

  const keysOf = (map: YAMLMap): void => {
    const seen = new Map<string, unknown>()
    for (const { key } of map.items) {
      if (isScalar(key) && typeof key.value === 'symbol') continue
      const name = keyName(key)
      const earlier = name === undefined ? undefined : seen.get(name)
      const message =
        name === undefined
          ? 'expected a plain text as key, found something else'
          : isScalar(key) && !isAsWritten(key)
            ? `expected a name in quotes, as YAML reads it as another one, found ${key.source ?? name}, which is ${quoted(name)}`
            : name === '__proto__'
              ? 'expected another key, found "__proto__", which is not allowed'
              : earlier === undefined
                ? undefined
                : `expected each key once, found ${quoted(name)} again (first at ${placeOf(earlier)})`
      if (message !== undefined) keys.push({ ...place(startOf(key) ?? startOf(map) ?? 0), message })
      else if (name !== undefined) seen.set(name, key)
    }
  }
  const placeOf = (node: unknown): string => {
    const { line, column } = place(startOf(node) ?? 0)
    return `${line}:${column}`
  }

  const walk = (node: unknown, depth: number, isKey: boolean): void => {
    if (isScalar(node)) {
      if (node.anchor !== undefined) anchors.add(node.anchor)
      // In YAML 1.1 `007` is 7, `0022` is 18, and a host `no` is false: what was meant is what was written.
      if (asWritten && (isKey || typeof node.value === 'number') && !isAsWritten(node)) node.value = node.source
      return
    }
    if (isAlias(node)) {
      if (anchors.has(node.source)) return
      const message = `expected an alias of an earlier anchor, found ${quoted(`*${node.source}`)}`
      fatal.push({ ...place(startOf(node) ?? 0), message })
      return
    }
    if (!isMap(node) && !isSeq(node)) return
    if (depth > MAX_DEPTH) {
      fatal.push({ ...place(startOf(node) ?? 0), message: TOO_DEEP })
      return
    }
    if (node.anchor !== undefined) anchors.add(node.anchor)
    for (const item of node.items) {
      if (isPair(item)) {
        walk(item.key, depth + 1, true)
        walk(item.value, depth + 1, false)
      } else walk(item, depth + 1, false)
    }
    if (isMap(node)) keysOf(node)
  }
  walk(document.contents, 1, false)
  return { fatal, keys }
}

/** False for a name that YAML takes for a number or a truth, and that would come out as another name. */
function isAsWritten({ value, source, type }: Scalar): boolean {
  if (type !== 'PLAIN' || (typeof value !== 'number' && typeof value !== 'boolean')) return true
  return source === String(value)
}

/** Offset of a node in the text. */
export function startOf(node: unknown): number | undefined {
  const range = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? (node satisfies Node).range : undefined
  return range?.[0]
}

/** As `toJS` names it; undefined for a key that is a list, a mapping, an alias or of a kind that no file of ours has. */
export function keyName(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  const { value } = key
  if (value === null) return ''
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
}
