// What lies in a folder, in the same order on every machine. Names are bytes; those that are no UTF-8 would become another name on the way.
import type { Dirent, Stats } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FleetError } from '../../core/index.ts'

export type EntryKind = 'file' | 'folder' | 'link' | 'a named pipe' | 'a socket' | 'a device'

export interface FolderEntry {
  readonly name: string
  /** Absolute if the folder is. */
  readonly source: string
  readonly kind: EntryKind
  /** False when `name` only resembles what is on the disk. */
  readonly isText: boolean
}

/** Sorted by the bytes of the name. Throws what the file system says. */
export async function entriesOf(folder: string): Promise<FolderEntry[]> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
  return entries
    .sort((a, b) => Buffer.compare(a.name, b.name))
    .map((entry) => {
      const name = entry.name.toString()
      return { name, source: join(folder, name), kind: kindOf(entry), isText: isText(entry.name) }
    })
}

export function kindOf(entry: Stats | Dirent<Buffer>): EntryKind {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  if (entry.isSymbolicLink()) return 'link'
  if (entry.isFIFO()) return 'a named pipe'
  return entry.isSocket() ? 'a socket' : 'a device'
}

export function isText(bytes: Buffer): boolean {
  return bytes.equals(Buffer.from(bytes.toString()))
}

export function notText(source: string): FleetError {
  return new FleetError('FLEET_RELEASE_BAD_PATH', `${JSON.stringify(source)} has a name that is not UTF-8`, {
    remedy: 'rename it, or leave it out (.fleetignore)',
  })
}
