// Items of a release that are patterns: `build/*.bin`, `conf/**/*.json`. They match as in a shell: a wildcard matches no leading dot,
// and `**` follows no symbolic link.
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { entriesOf, notText } from './folder-entries.ts'
import { literalLength, wildcardExpression } from './wildcards.ts'

export interface Match {
  /** Absolute. */
  readonly source: string
  /** Its place inside the release. */
  readonly path: string
}

export function isPattern(item: string): boolean {
  return /[*?[]/.test(item)
}

/**
 * What is there for `pattern` (absolute, or relative to `folder`). A match has its place under its own last segment; with `**`, under its path
 * below the fixed part, the folders before the first wildcard. Without `**` folders match too, with a `/` at the end only folders.
 * `keeps` decides about each file and folder on the way: what it does not keep is neither a match nor entered.
 */
export async function* expandPattern(
  folder: string,
  pattern: string,
  keeps: (source: string, isFolder: boolean) => Promise<boolean>,
): AsyncGenerator<Match> {
  const start = patternStart(folder, pattern)
  const segments = wildPart(pattern)
  const foldersOnly = pattern.endsWith('/')
  const isDeep = segments.includes('**')
  const expression = wildcardExpression(segments.join('/'))
  const dotNames = segments.filter((segment) => segment.startsWith('.')).map(wildcardExpression)
  const isHidden = (name: string): boolean => name.startsWith('.') && !dotNames.some((dotName) => dotName?.test(name))

  async function* below(at: string, above: readonly string[]): AsyncGenerator<Match> {
    for (const { name, source, kind, isText } of await entriesOf(at)) {
      if (isHidden(name)) continue
      const way = [...above, name]
      const isFolder = kind === 'folder'
      const mayMatch = (foldersOnly ? isFolder : !isDeep || !isFolder) && expression?.test(way.join('/')) === true
      const mayHold = isDeep ? isFolder : way.length < segments.length && (await leadsToFolder(source))
      if (!(mayMatch || mayHold) || !(await keeps(source, isFolder))) continue
      if (!isText) throw notText(source)
      if (mayMatch) yield { source, path: isDeep ? way.join('/') : name }
      else yield* below(source, way)
    }
  }
  yield* below(start, [])
}

/** The folder before the first wildcard, absolute. */
export function patternStart(folder: string, pattern: string): string {
  const fixed = pattern.split('/').slice(0, firstWild(pattern))
  return resolve(folder, fixed.map((segment) => `${segment}/`).join(''))
}

function wildPart(pattern: string): string[] {
  const segments = pattern.split('/').slice(firstWild(pattern))
  return segments.filter((segment) => segment !== '' && segment !== '.')
}

function firstWild(pattern: string): number {
  return pattern.split('/').findIndex((segment) => literalLength(segment) < segment.length)
}

async function leadsToFolder(source: string): Promise<boolean> {
  return (await stat(source).catch(() => undefined))?.isDirectory() === true
}
