// The files that a path of Include stands for (glob(7)), in the order of their names.
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { compileFileName, type Matcher } from './pattern.ts'

/** `path` is absolute. Plain paths come back as they are, whether or not something is there; folders that cannot be read hold nothing. */
export function includedFiles(path: string): readonly string[] {
  let found: readonly string[] = ['/']
  const segments = path.split('/').filter((segment) => segment !== '')
  for (const [index, segment] of segments.entries()) {
    const matches = compileFileName(segment)
    const isLast = index === segments.length - 1
    found = found.flatMap((folder) => (matches === undefined ? [join(folder, segment)] : entries(folder, matches)))
    if (!isLast && matches !== undefined) found = found.filter(isThere)
  }
  return found
}

function entries(folder: string, matches: Matcher): readonly string[] {
  try {
    const names = readdirSync(folder).filter(matches)
    return names.toSorted((a, b) => (a < b ? -1 : 1)).map((name) => join(folder, name))
  } catch {
    return []
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
