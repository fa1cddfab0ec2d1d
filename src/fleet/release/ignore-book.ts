// The .fleetignore files that a build meets, each read once, and what they left out.
import { basename, dirname, relative, isAbsolute } from 'node:path'
import { IGNORE_NAME, ignoreRulesOf, NOTHING_IGNORED, type IgnoreRules } from './ignore.ts'

export interface IgnoreBook {
  /** False for what is left out, and for the .fleetignore files themselves. `source` is absolute. */
  readonly keeps: (source: string, isFolder: boolean) => Promise<boolean>
  /** How many files and folders were left out; a folder counts once, whatever is in it. */
  readonly ignored: () => number
}

/** Speaks for what lies below `top` (absolute). */
export function createIgnoreBook(top: string): IgnoreBook {
  const rules = new Map<string, Promise<IgnoreRules>>()
  const ignored = new Set<string>()

  function rulesOf(folder: string): Promise<IgnoreRules> {
    let found = rules.get(folder)
    if (found === undefined) {
      found = load(folder)
      rules.set(folder, found)
    }
    return found
  }

  async function load(folder: string): Promise<IgnoreRules> {
    const above = isBelow(folder, top) ? await rulesOf(dirname(folder)) : NOTHING_IGNORED
    return ignoreRulesOf(folder, above)
  }

  return {
    keeps: async (source, isFolder) => {
      if (basename(source) === IGNORE_NAME) return false
      const isIgnored = (await rulesOf(dirname(source))).isIgnored(source, isFolder)
      if (isIgnored) ignored.add(source)
      return !isIgnored
    },
    ignored: () => ignored.size,
  }
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '' && !isAbsolute(way) && way.split('/')[0] !== '..'
}
