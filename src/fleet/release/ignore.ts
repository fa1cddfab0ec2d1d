// .fleetignore: what of a folder is not part of the release, by the rules of gitignore(5). A file in any folder speaks for what is
// below it; the deepest file that says something about a path decides, and in it the last line that does.
import { readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { FleetError, messageOf } from '../../core/index.ts'
import { literalLength, wildcardExpression } from './wildcards.ts'

export const IGNORE_NAME = '.fleetignore'

export interface IgnoreRules {
  /** Whether the path below `folder` is left out; its parents are not looked at: who walks does not enter them. `path` is absolute. */
  isIgnored(path: string, isFolder: boolean): boolean
}

export const NOTHING_IGNORED: IgnoreRules = { isIgnored: () => false }

/** The rules for what lies in `folder` (absolute): those of its .fleetignore, if there is one, before those of the folder above. */
export async function ignoreRulesOf(folder: string, above: IgnoreRules): Promise<IgnoreRules> {
  const file = join(folder, IGNORE_NAME)
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw new FleetError('FLEET_RELEASE_UNREADABLE', `${file} cannot be read: ${messageOf(error)}`, {
      remedy: 'without it, nobody knows what is to be left out: correct it, or remove it',
      cause: error,
    })
  })
  if (text === undefined) return above
  const patterns = parseIgnoreFile(text)
  return {
    isIgnored: (path, isFolder) =>
      verdictOf(patterns, relative(folder, path), isFolder) ?? above.isIgnored(path, isFolder),
  }
}

interface IgnorePattern {
  /** `!`: what an earlier line left out is in again. */
  readonly isNegated: boolean
  readonly foldersOnly: boolean
  /** `path` is relative to the folder of the file. */
  matches(path: string): boolean
}

/** Lines end with LF or CRLF. Nothing is refused: a pattern that git would not understand matches nothing. */
function parseIgnoreFile(text: string): IgnorePattern[] {
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => parsePattern(withoutTrailingSpaces(line)))
}

/** True: left out, false: kept by `!`; undefined when no pattern says anything. */
function verdictOf(patterns: readonly IgnorePattern[], path: string, isFolder: boolean): boolean | undefined {
  const found = patterns.findLast((pattern) => (isFolder || !pattern.foldersOnly) && pattern.matches(path))
  return found === undefined ? undefined : !found.isNegated
}

function parsePattern(line: string): IgnorePattern {
  const isNegated = line.startsWith('!')
  const written = isNegated ? line.slice(1) : line
  const foldersOnly = written.endsWith('/')
  const pattern = foldersOnly ? written.slice(0, -1) : written
  return {
    isNegated,
    foldersOnly,
    matches: pattern.includes('/') ? pathMatcher(pattern.replace(/^\//, '')) : nameMatcher(pattern),
  }
}

/** Without a slash it is about names, in every folder. */
function nameMatcher(pattern: string): (path: string) => boolean {
  const expression = wildcardExpression(pattern)
  return (path) => expression?.test(basename(path)) === true
}

// git compares what comes before the first wildcard as it is, and only then looks what `**` means: so `a**/b` is also `ab`.
function pathMatcher(pattern: string): (path: string) => boolean {
  const fixed = pattern.slice(0, literalLength(pattern))
  const expression = wildcardExpression(pattern.slice(fixed.length))
  return (path) => path.startsWith(fixed) && expression?.test(path.slice(fixed.length)) === true
}

/** `a\ ` keeps its space. */
function withoutTrailingSpaces(line: string): string {
  const [kept = ''] = /^(?:\\.|[^\\ ]| +(?=[^ ]))*\\?/s.exec(line) ?? []
  return kept
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
