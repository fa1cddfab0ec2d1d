// Everything below one item of a release, in the same order on every machine. Folders are only the paths of what is in them: an
// empty one is not part of a release.
import { lstat, readlink } from 'node:fs/promises'
import { FleetError } from '../../core/index.ts'
import { entriesOf, isText, kindOf, notText, type EntryKind } from './folder-entries.ts'
import type { Match } from './globs.ts'

export type Found =
  | { readonly kind: 'file'; readonly source: string; readonly path: string }
  | { readonly kind: 'link'; readonly source: string; readonly path: string; readonly target: string }

type Keeps = (source: string, isFolder: boolean) => Promise<boolean>

/** `keeps` is asked about everything below the item, not about the item itself. A `source` that ends with `/` is a folder, or leads to one. */
export async function* walk(item: Match, keeps: Keeps): AsyncGenerator<Found> {
  yield* found(item, kindOf(await lstat(item.source)), keeps)
}

async function* found({ source, path }: Match, kind: EntryKind, keeps: Keeps): AsyncGenerator<Found> {
  switch (kind) {
    case 'file':
      yield { kind, source, path }
      return
    case 'link':
      yield { kind, source, path, target: await targetOf(source) }
      return
    case 'folder':
      for (const entry of await entriesOf(source)) {
        if (!(await keeps(entry.source, entry.kind === 'folder'))) continue
        if (!entry.isText) throw notText(entry.source)
        yield* found({ source: entry.source, path: `${path}/${entry.name}` }, entry.kind, keeps)
      }
      return
    default:
      throw new FleetError('FLEET_RELEASE_BAD_FILE', `${source} is ${kind}`, {
        remedy: 'a release holds files, folders and symbolic links: leave it out (.fleetignore)',
      })
  }
}

async function targetOf(link: string): Promise<string> {
  const target = await readlink(link, { encoding: 'buffer' })
  if (isText(target)) return target.toString()
  throw notText(`${link} -> ${target.toString()}`)
}
