// Trees for pushes in tests, from names and contents.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { archive, type ArchiveEntry } from '../../src/fleet/release/archive.ts'
import { createManifest, MANIFEST_NAME, type Manifest } from '../../src/fleet/release/manifest.ts'
import type { Tree } from '../../src/fleet/push.ts'

export type Files = Readonly<Record<string, string | Buffer>>

export function manifestOf(files: Files, executable: readonly string[] = []): Manifest {
  return createManifest(
    Object.entries(files).map(([path, content]) => ({
      path,
      mode: executable.includes(path) ? '755' : '644',
      sizeBytes: Buffer.byteLength(content),
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
  )
}

export function entriesOf(files: Files, executable: readonly string[] = []): ArchiveEntry[] {
  return Object.entries(files).map(([path, content]) => {
    const bytes = Buffer.from(content)
    return { path, mode: executable.includes(path) ? 0o555 : 0o444, sizeBytes: bytes.length, content: bytes }
  })
}

export function treeOf(files: Files, executable: readonly string[] = []): Tree {
  const manifest = manifestOf(files, executable)
  return { kind: 'releases', manifest, entries: entriesOf({ [MANIFEST_NAME]: manifest.text, ...files }, executable) }
}

export async function bytesOf(entries: Iterable<ArchiveEntry>): Promise<Buffer> {
  return Buffer.concat((await Readable.from(archive(entries)).toArray()) as Buffer[])
}
