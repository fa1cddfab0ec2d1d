// A tree that can be sent: its manifest, and how to get at the bytes of each file. The user's release and fleet's own programs
// travel alike.
import { createHash } from 'node:crypto'
import { FleetError } from '../../core/index.ts'
import { kitFiles, type TreeKind } from '../../node/index.ts'
import type { Release } from '../release/build.ts'
import { createManifest, type Manifest } from '../release/manifest.ts'

export interface Tree {
  readonly kind: TreeKind
  readonly manifest: Manifest
  /** The bytes of a file of the manifest, or the absolute path of the file here that holds them. */
  readonly contentOf: (path: string) => Buffer | { readonly file: string }
}

/** What is brought to a node together. */
export interface Trees {
  readonly release: Tree
  readonly kit: Tree
  readonly runtime?: Tree
}

/** What is needed to run a release goes before it. */
export function inOrder({ kit, runtime, release }: Trees): readonly Tree[] {
  return [kit, ...(runtime === undefined ? [] : [runtime]), release]
}

export function releaseTree(release: Release): Tree {
  return {
    kind: 'releases',
    manifest: release.manifest,
    contentOf: (path) => {
      const file = release.sources.get(path)
      if (file === undefined) throw new FleetError('FLEET_RELEASE_BAD_FILE', `the release has no source for ${path}`)
      return { file }
    },
  }
}

/** fleet's own sh programs. */
export function kitTree(): Tree {
  const programs = new Map(kitFiles().map((file) => [file.name, file.content]))
  const manifest = createManifest(
    [...programs].map(([path, content]) => ({
      path,
      mode: '755',
      sizeBytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
  )
  return { kind: 'kit', manifest, contentOf: (path) => programs.get(path) ?? Buffer.alloc(0) }
}
