// A YAML file as a plain value that still knows where everything stood. What comes out is safe to walk:
// no alias bomb, bounded size; what is wrong with its keys is told beside it. Merge keys (`<<`) are not part of YAML 1.2 and stay plain
// keys, but in Ansible's files.
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type ScalarTag,
  type YAMLMap,
} from 'yaml'
import { messageOf } from '../core/index.ts'
import { invalidError, quoted, type Place, type Problem } from './problem.ts'
import { readText } from './read-text.ts'

/** How often aliases may be resolved, counted as the `yaml` package does; enough for any honest file, far too few for a bomb. */
const MAX_ALIAS_COUNT = 100

/**
 * `ansible`: as Ansible reads YAML: version 1.1 (`yes` is true), merge keys, `!unsafe`, and `!vault` as `VAULT`. Aliases are bounded in both.
 */
export type YamlDialect = 'fleet' | 'ansible'

/** Stands for a value that only ansible-vault can read. */
export const VAULT = Symbol('vault')

const ANSIBLE_TAGS: readonly ScalarTag[] = [
  { tag: '!vault', resolve: () => VAULT },
  { tag: '!vault-encrypted', resolve: () => VAULT },
  { tag: '!unsafe', resolve: (text) => text },
]

export type YamlPath = readonly PropertyKey[]

export interface YamlFile {
  /** The file as the operator named it. */
  readonly file: string
  /** The whole document as plain values. */
  readonly value: unknown
  /** Keys that are repeated or cannot be; whoever uses the value must refuse the file for them. */
  readonly problems: readonly Problem[]
  /** Where the value at `path` starts; where its parent's key stands when there is no such value. */
  placeOf(path: YamlPath): Place
  /** Where the key of the value at `path` starts; where the value starts when it is in a list. */
  placeOfKey(path: YamlPath): Place
}

/** Reads and parses a file. Throws FLEET_CONFIG_NOT_FOUND (with `remedy`), FLEET_CONFIG_UNREADABLE or FLEET_CONFIG_INVALID with all problems of syntax. */
export function readYamlFile(file: string, missing: { readonly what: string; readonly remedy: string }): YamlFile {
  return parseYamlText(readText(file, missing), file)
}

/** The same for a text; `file` is only its name in messages. */
export function parseYamlText(text: string, file: string, dialect: YamlDialect = 'fleet'): YamlFile {
  const lines = new LineCounter()
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const broken = (what: string, cause: unknown): Error =>
    invalidError([{ file, line: 1, column: 1, message: what }], cause)

  let document: Document.Parsed
  try {
    // uniqueKeys would compare every key with every other one; duplicateKeys below does it in one pass.
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'silent',
      ...(dialect === 'ansible'
        ? { version: '1.1', merge: true, customTags: (tags) => [...tags, ...ANSIBLE_TAGS] }
        : {}),
    })
  } catch (cause) {
    throw broken(`expected YAML of a sane depth, found a file that cannot be parsed: ${messageOf(cause)}`, cause)
  }
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    file,
    ...place(error.pos[0]),
    message: `expected valid YAML, found a mistake: ${error.message}`,
  }))
  const fatal = syntax.length > 0 ? syntax : lostAliases(document, file, place)
  if (fatal.length > 0) throw invalidError(fatal)
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT })
    return { file, value, problems: badKeys(document, file, place), ...createLocator(document, place) }
  } catch (cause) {
    throw broken(
      `expected at most ${MAX_ALIAS_COUNT} uses of aliases, found a document that cannot be resolved: ${messageOf(cause)}`,
      cause,
    )
  }
}

function lostAliases(document: Document.Parsed, file: string, place: (offset: number) => Place): readonly Problem[] {
  const anchors = new Set<string>()
  const problems: Problem[] = []
  visit(document, {
    Value: (_, { anchor }) => {
      if (anchor !== undefined) anchors.add(anchor)
    },
    Alias: (_, alias) => {
      if (anchors.has(alias.source)) return
      problems.push({
        file,
        ...place(startOf(alias) ?? 0),
        message: `expected an alias of an earlier anchor, found ${quoted(`*${alias.source}`)}`,
      })
    },
  })
  return problems
}

function badKeys(document: Document.Parsed, file: string, place: (offset: number) => Place): readonly Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Map: (_, map) => {
      const seen = new Map<string, Place>()
      for (const { key } of map.items) {
        if (isScalar(key) && typeof key.value === 'symbol') continue
        const here = place(startOf(key) ?? startOf(map) ?? 0)
        const name = keyName(key)
        const earlier = name === undefined ? undefined : seen.get(name)
        if (name === undefined)
          problems.push({ file, ...here, message: 'expected a plain text as key, found something else' })
        else if (name === '__proto__')
          problems.push({ file, ...here, message: 'expected another key, found "__proto__", which is not allowed' })
        else if (earlier === undefined) seen.set(name, here)
        else
          problems.push({
            file,
            ...here,
            message: `expected each key once, found ${quoted(name)} again (first at ${earlier.line}:${earlier.column})`,
          })
      }
    },
  })
  return problems
}

function createLocator(
  document: Document.Parsed,
  place: (offset: number) => Place,
): Pick<YamlFile, 'placeOf' | 'placeOfKey'> {
  const indexes = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>()
  const pairOf = (map: YAMLMap, key: string): Pair | undefined => {
    let index = indexes.get(map)
    if (index === undefined) {
      index = new Map(map.items.map((pair) => [keyName(pair.key) ?? '', pair]))
      indexes.set(map, index)
    }
    return index.get(key)
  }
  const locate = (path: YamlPath, wantsKey: boolean): Place => {
    let node: unknown = document.contents
    let keyStart = startOf(node) ?? 0
    let valueStart = keyStart
    for (const segment of path) {
      if (isAlias(node)) node = node.resolve(document)
      const found: unknown = isMap(node)
        ? pairOf(node, String(segment))
        : isSeq(node)
          ? node.items[Number(segment)]
          : undefined
      if (found === undefined) return place(keyStart)
      node = isPair(found) ? found.value : found
      keyStart = startOf(isPair(found) ? found.key : found) ?? valueStart
      valueStart = startOf(node) ?? keyStart
    }
    return place(wantsKey ? keyStart : valueStart)
  }
  return { placeOf: (path) => locate(path, false), placeOfKey: (path) => locate(path, true) }
}

function startOf(node: unknown): number | undefined {
  const range = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? (node satisfies Node).range : undefined
  return range?.[0]
}

/** As `toJS` names it; undefined for a key that is a list, a mapping, an alias or of a kind that no file of ours has. */
function keyName(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  const { value } = key
  if (value === null) return ''
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
}
