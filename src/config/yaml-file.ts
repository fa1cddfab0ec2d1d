// A YAML file as a plain value that still knows where everything stood. What comes out is safe to walk:
// no alias bomb, bounded size; what is wrong with its keys is told beside it. Merge keys (`<<`) are not part of YAML 1.2 and stay plain
// keys, but in Ansible's files.
import {
  isAlias,
  isMap,
  isPair,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Pair,
  type ScalarTag,
  type YAMLMap,
} from 'yaml'
import { messageOf } from '../core/index.ts'
import { invalidError, type Place, type Problem } from './problem.ts'
import { readText } from './read-text.ts'
import { keyName, startOf, structureOf, TOO_DEEP } from './yaml-structure.ts'

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
    // uniqueKeys would compare every key with every other one; structureOf does it in one pass.
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
    throw broken(isTooDeep(messageOf(cause)) ? TOO_DEEP : `expected valid YAML, found ${messageOf(cause)}`, cause)
  }
  const deep = document.errors.find(({ message }) => isTooDeep(message))
  if (deep !== undefined) throw invalidError([{ file, ...place(deep.pos[0]), message: TOO_DEEP }], deep)
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    file,
    ...place(error.pos[0]),
    message: `expected valid YAML, found a mistake: ${error.message}`,
  }))
  if (syntax.length > 0) throw invalidError(syntax)
  const { fatal, keys } = structureOf(document, place, { asWritten: dialect === 'ansible' })
  if (fatal.length > 0) throw invalidError(fatal.map((fault) => ({ file, ...fault })))
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT })
    return { file, value, problems: keys.map((fault) => ({ file, ...fault })), ...createLocator(document, place) }
  } catch (cause) {
    throw broken(
      `expected at most ${MAX_ALIAS_COUNT} uses of aliases, found a document that cannot be resolved: ${messageOf(cause)}`,
      cause,
    )
  }
}

/** The parser works on the stack, and tells its end in these words. */
function isTooDeep(message: string): boolean {
  return /call stack|stack overflow/i.test(message)
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
