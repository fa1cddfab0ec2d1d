// Trees for pushes in tests, from names and contents.
import { createHash } from 'node:crypto'
import { createManifest } from '../../../src/fleet/release/manifest.ts'
import type { Tree } from '../../../src/fleet/push/tree.ts'

export type Files = Readonly<Record<string, string | Buffer>>

/** `executable` and `links` (path -> target) are below the same folder. The bytes are held in memory. */
export function treeOf(
  files: Files,
  {
    executable = [],
    links = {},
  }: { readonly executable?: readonly string[]; readonly links?: Readonly<Record<string, string>> } = {},
): Tree {
  const bytes = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]))
  const manifest = createManifest(
    [...bytes].map(([path, content]) => ({
      path,
      mode: executable.includes(path) ? '755' : '644',
      sizeBytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
    Object.entries(links).map(([path, target]) => ({ path, target })),
  )
  return { kind: 'releases', manifest, contentOf: (path) => bytes.get(path) ?? Buffer.alloc(0) }
}
