// Wildcards as git's ignore files know them (gitignore(5), git's wildmatch.c): one meaning of `*` for .fleetignore and for release.files.
// They match characters, where git matches bytes: `?` stands for one `ä`.

/**
 * `*` and `?` stop at `/`; `**` as a whole segment is any number of folders; `[a-z]`, `[!a-z]` and `[[:digit:]]`; a backslash takes the next
 * character as it is. Undefined for a pattern that can match nothing: a class without end, a backslash at the end.
 */
export function wildcardExpression(pattern: string): RegExp | undefined {
  const characters = Array.from(pattern)
  let source = ''
  for (let at = 0; at < characters.length;) {
    const part = partAt(characters, at)
    if (part === undefined) return undefined
    source += part.source
    at = part.next
  }
  // One `**/` after the other means no more than one, and would only make the search long.
  return new RegExp(`^${source.replaceAll(/(?:\(\?:\.\*\/\)\?){2,}/g, ANY_FOLDERS)}$`, 'su')
}

/** How many characters at the beginning of `pattern` stand for themselves. */
export function literalLength(pattern: string): number {
  const found = pattern.search(/[*?[\\]/)
  return found === -1 ? pattern.length : found
}

const ANY_FOLDERS = '(?:.*/)?'

interface Part {
  /** For a regular expression. */
  readonly source: string
  /** Index behind it. */
  readonly next: number
}

function partAt(characters: readonly string[], at: number): Part | undefined {
  const character = characters[at] ?? ''
  switch (character) {
    case '*':
      return starsAt(characters, at)
    case '?':
      return { source: '[^/]', next: at + 1 }
    case '[':
      return classAt(characters, at)
    case '\\': {
      const escaped = characters[at + 1]
      return escaped === undefined ? undefined : { source: literal(escaped), next: at + 2 }
    }
    default:
      return { source: literal(character), next: at + 1 }
  }
}

function starsAt(characters: readonly string[], at: number): Part {
  let next = at
  while (characters[next] === '*') next += 1
  if (next - at === 1 || (at > 0 && characters[at - 1] !== '/')) return { source: '[^/]*', next }
  if (characters[next] === '/') return { source: ANY_FOLDERS, next: next + 1 }
  const isLast = next === characters.length || (characters[next] === '\\' && characters[next + 1] === '/')
  return { source: isLast ? '.*' : '[^/]*', next }
}

const NAMED: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  space: '\\t-\\r ',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
}

/** A `]` that comes first is one of the class; a range that runs backwards holds its first character only. */
function classAt(characters: readonly string[], at: number): Part | undefined {
  let next = at + 1
  const isNegated = characters[next] === '!' || characters[next] === '^'
  if (isNegated) next += 1
  let members = ''
  let first: string | undefined
  for (let isFirst = true; isFirst || characters[next] !== ']'; isFirst = false) {
    const name = nameAt(characters, next)
    if (name !== undefined) {
      const named = NAMED[name]
      if (named === undefined) return undefined
      members += named
      first = undefined
      next += name.length + 4
      continue
    }
    if (first !== undefined && characters[next] === '-' && characters[next + 1] !== ']') {
      const last = memberAt(characters, next + 1)
      if (last === undefined) return undefined
      if (codeOf(first) <= codeOf(last.member)) members += `${literal(first)}-${literal(last.member)}`
      first = undefined
      next = last.next
      continue
    }
    const found = memberAt(characters, next)
    if (found === undefined) return undefined
    first = found.member
    members += literal(first)
    next = found.next
  }
  return { source: isNegated ? `[^/${members}]` : `(?!/)[${members}]`, next: next + 1 }
}

/** `[:NAME:]` at `at`. */
function nameAt(characters: readonly string[], at: number): string | undefined {
  if (characters[at] !== '[' || characters[at + 1] !== ':') return undefined
  const end = characters.indexOf(']', at + 2)
  return end > at + 2 && characters[end - 1] === ':' ? characters.slice(at + 2, end - 1).join('') : undefined
}

function memberAt(characters: readonly string[], at: number): { member: string; next: number } | undefined {
  const isEscaped = characters[at] === '\\'
  const member = characters[isEscaped ? at + 1 : at]
  return member === undefined ? undefined : { member, next: at + (isEscaped ? 2 : 1) }
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

function literal(character: string): string {
  return `\\u{${codeOf(character).toString(16)}}`
}
