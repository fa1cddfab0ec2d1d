// Trees for tests of what a node does with them, from names and contents, and the streams that bring them.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { archive } from '../../../src/fleet/push/archive.ts'
import type { PackMember } from '../../../src/fleet/push/pack.ts'
import { createManifest, type Manifest } from '../../../src/fleet/release/manifest.ts'
import { receiveCommand, type Claim, type ReceiveOptions } from '../../../src/node/index.ts'
import type { ExecResult } from '../../../src/ssh/index.ts'
import type { LocalNode } from '../../fleet/local-node.ts'

export type Files = Readonly<Record<string, string | Buffer>>

export interface TestTree {
  readonly manifest: Manifest
  readonly files: Files
  readonly executable: readonly string[]
  readonly links: Readonly<Record<string, string>>
}

export function treeOf(
  files: Files,
  options: { readonly executable?: readonly string[]; readonly links?: Readonly<Record<string, string>> } = {},
): TestTree {
  const { executable = [], links = {} } = options
  const manifest = createManifest(
    Object.entries(files).map(([path, content]) => ({
      path,
      mode: executable.includes(path) ? '755' : '644',
      sizeBytes: Buffer.byteLength(content),
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
    Object.entries(links).map(([path, target]) => ({ path, target })),
  )
  return { manifest, files, executable, links }
}

export function member(path: string, content: string | Buffer, mode = 0o444): PackMember {
  const bytes = Buffer.from(content)
  return { path, mode, sizeBytes: bytes.length, content: bytes }
}

/** The manifest, and those files and links of the tree that are `wanted`; all of them when it is left out. */
export function membersOf(tree: TestTree, wanted: (path: string) => boolean = () => true): PackMember[] {
  return [
    member('plan/manifest', tree.manifest.text),
    ...Object.entries(tree.files)
      .filter(([path]) => wanted(path))
      .map(([path, content]) => member(`tree/${path}`, content, tree.executable.includes(path) ? 0o555 : 0o444)),
    ...Object.entries(tree.links)
      .filter(([path]) => wanted(path))
      .map(([path, linkTo]) => ({ path: `tree/${path}`, linkTo })),
  ]
}

export async function streamOf(members: Iterable<PackMember>): Promise<Buffer> {
  return Buffer.concat((await Readable.from(archive(members)).toArray()) as Buffer[])
}

/** Gives the tree to the node; by default whole, uncompressed, and without a lock. */
export async function receive(
  node: LocalNode,
  tree: TestTree,
  options: Partial<ReceiveOptions> & { readonly stdin?: Buffer; readonly claim?: Claim } = {},
): Promise<ExecResult> {
  const { stdin, ...changes } = options
  const command = receiveCommand(node.base, 'releases', tree.manifest.digest, {
    claim: 'unlocked',
    compression: 'none',
    how: 'new',
    contentBytes: tree.manifest.sizeBytes,
    ...changes,
  })
  return node.run(command, { stdin: stdin ?? (await streamOf(membersOf(tree))) })
}
