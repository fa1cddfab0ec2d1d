// Symbolic links of a release. What always holds: followed on a node, from wherever the release lies, a link of a release ends at a
// file or folder of the same release, and no step of the way leaves it.
import { FleetError } from '../../core/index.ts'
import { canTravel, foldersOf } from './paths.ts'

interface Link {
  readonly path: string
  readonly target: string
}

/** Linux's own bound on links in one resolution (path_resolution(7)). */
const MAX_HOPS = 40
/** Linux cuts a link's target at PATH_MAX with its end (symlink(2)). */
const MAX_TARGET_BYTES = 4095

/** Throws FLEET_RELEASE_BAD_LINK, naming the link and what is wrong with its target. */
export function refuseBadLinks(links: readonly Link[], files: readonly { readonly path: string }[]): void {
  if (links.length === 0) return
  const places: Places = {
    files: new Set(files.map(({ path }) => path)),
    folders: foldersOfAll([...files, ...links]),
    links: new Map(links.map(({ path, target }) => [path, target])),
  }
  for (const { path, target } of links) {
    const why = whyBadTarget(target) ?? whyLost(path, places)
    if (why !== undefined) throw badLink(path, target, why)
  }
}

interface Places {
  readonly files: ReadonlySet<string>
  readonly folders: ReadonlySet<string>
  readonly links: ReadonlyMap<string, string>
}

function foldersOfAll(entries: readonly { readonly path: string }[]): Set<string> {
  const folders = new Set<string>()
  for (const { path } of entries) for (const folder of foldersOf(path)) folders.add(folder)
  return folders
}

interface Refusal {
  readonly is: string
  readonly remedy: string
}

const NAMES_NOTHING: Refusal = {
  is: 'names nothing of the release',
  remedy: 'let the release hold what it leads to, or leave the link out (.fleetignore)',
}
const LEAVES: Refusal = {
  is: 'leads out of the release',
  remedy:
    'replace it by the file that it stands for, or let the release hold that file and make the link relative to it',
}

function whyBadTarget(target: string): Refusal | undefined {
  if (target.startsWith('/')) return { ...LEAVES, is: 'is absolute' }
  if (target !== '' && canTravel(target) && Buffer.byteLength(target) <= MAX_TARGET_BYTES) return undefined
  return { is: 'is no plain path', remedy: 'make it a path without control characters and backslashes' }
}

/** Walks as path_resolution(7) says, so that `..` behind a link to a folder means what it means on the node. */
function whyLost(link: string, { files, folders, links }: Places): Refusal | undefined {
  const todo = link.split('/').reverse()
  let at: string[] = []
  let hops = 0
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (at.length > 0 && !folders.has(at.join('/'))) return NAMES_NOTHING
    if (next === '' || next === '.') continue
    if (next === '..') {
      if (at.length === 0) return LEAVES
      at = at.slice(0, -1)
      continue
    }
    at = [...at, next]
    const target = links.get(at.join('/'))
    if (target === undefined) continue
    hops += 1
    if (hops > MAX_HOPS) return { is: 'leads back to itself', remedy: 'correct it, or leave it out (.fleetignore)' }
    if (target.startsWith('/')) return LEAVES
    todo.push(...target.split('/').reverse())
    at = at.slice(0, -1)
  }
  const end = at.join('/')
  return at.length === 0 || files.has(end) || folders.has(end) ? undefined : NAMES_NOTHING
}

function badLink(path: string, target: string, { is, remedy }: Refusal): FleetError {
  return new FleetError(
    'FLEET_RELEASE_BAD_LINK',
    `the symbolic link ${JSON.stringify(path)} would not work on a node: its target ${JSON.stringify(target)} ${is}`,
    { remedy },
  )
}
