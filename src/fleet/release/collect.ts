// From the items that fleet.yml or the command line names to the files and links of a release, each with its place in it.
import { lstat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path'
import { FleetError, messageOf } from '../../core/index.ts'
import { expandPattern, isPattern, patternStart, type Match } from './globs.ts'
import { createIgnoreBook, type IgnoreBook } from './ignore-book.ts'
import type { ReleaseLink } from './manifest.ts'
import { walk, type Found } from './walk.ts'

export interface Collected {
  /** Path inside the release -> where the file is, and the item that brought it. */
  readonly files: ReadonlyMap<string, { readonly source: string; readonly item: string }>
  readonly links: readonly ReleaseLink[]
  readonly ignored: number
}

/** An item that exists as it is written is that file or folder, whatever characters its name has and whatever .fleetignore says of it. */
export async function collect(folder: string, items: readonly string[]): Promise<Collected> {
  const files = new Map<string, { source: string; item: string }>()
  const links = new Map<string, ReleaseLink>()
  const places = new Map<string, Found>()
  const books = createBooks(resolve(folder))
  for (const item of items) {
    try {
      for await (const found of foundBy(folder, item, books.bookOf)) {
        if (isTwice(places, found)) continue
        if (found.kind === 'file') files.set(found.path, { source: found.source, item })
        else links.set(found.path, { path: found.path, target: found.target })
      }
    } catch (error) {
      throw unreadable(item, error)
    }
  }
  return { files, links: [...links.values()], ignored: books.ignored() }
}

/** What went wrong with an item, or with the file at `source` that it brought, unless that is said already. */
export function unreadable(item: string, error: unknown, source?: string): FleetError {
  if (error instanceof FleetError) return error
  if (source !== undefined) return notThere(item, `${source} cannot be read: ${messageOf(error)}`, error)
  return notThere(item, isMissing(error) ? 'there is no such file' : messageOf(error), error)
}

async function* foundBy(folder: string, item: string, bookOf: (place: string) => IgnoreBook): AsyncGenerator<Found> {
  const source = resolve(folder, item)
  // With a slash at its end, lstat and readdir follow a link to a folder.
  const written = item.endsWith('/') && source !== '/' ? `${source}/` : source
  if (!isPattern(item) || (await exists(written))) {
    yield* walk({ source: written, path: basename(source) }, bookOf(dirname(source)).keeps)
    return
  }
  const { keeps } = bookOf(patternStart(folder, item))
  const matches: Match[] = []
  for await (const match of expandPattern(folder, item, keeps)) matches.push(match)
  if (matches.length === 0) throw notThere(item, 'nothing matches it', undefined)
  for (const match of matches) yield* walk(match, keeps)
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** The ignore files beside fleet.yml and below speak for what is there; an item from elsewhere has its own. */
function createBooks(folder: string): { bookOf: (place: string) => IgnoreBook; ignored: () => number } {
  const books = new Map<string, IgnoreBook>()
  return {
    bookOf: (place) => {
      const top = isWithin(place, folder) ? folder : place
      const book = books.get(top) ?? createIgnoreBook(top)
      books.set(top, book)
      return book
    },
    ignored: () => [...books.values()].reduce((sum, book) => sum + book.ignored(), 0),
  }
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return !isAbsolute(way) && way.split('/')[0] !== '..'
}

/** One file that two items name is there once; two files cannot have one place. */
function isTwice(places: Map<string, Found>, found: Found): boolean {
  const other = places.get(found.path)
  if (other === undefined) {
    places.set(found.path, found)
    return false
  }
  if (other.source === found.source) return true
  throw new FleetError(
    'FLEET_RELEASE_DUPLICATE_PATH',
    `${other.source} and ${found.source} would both be ${JSON.stringify(found.path)} in the release`,
    { remedy: 'items are placed under their last path segment: rename one, or name a folder above them' },
  )
}

function notThere(item: string, why: string, cause: unknown): FleetError {
  return new FleetError('FLEET_RELEASE_UNREADABLE', `the release names ${JSON.stringify(item)}, but ${why}`, {
    remedy: 'build it first, or correct release.files in fleet.yml',
    cause,
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
