// Push: each tree (the release, and fleet's own programs) goes to a node only if it is not there, is verified there, and
// is switched to by a rename. A push can be repeated at any time; what is there already costs one round trip.
import { Readable } from 'node:stream'
import { createHash } from 'node:crypto'
import { FleetError, formatSize, type Digest } from '../core/index.ts'
import {
  activateCommand,
  inspectCommand,
  kitFiles,
  parseInspection,
  receiveCommand,
  REQUIRED_TOOLS,
  type Inspection,
  type TreeKind,
  type WantedDigests,
} from '../node/index.ts'
import type { Connection } from '../ssh/index.ts'
import { run } from './fleet-node.ts'
import { archive, type ArchiveEntry } from './release/archive.ts'
import type { Release } from './release/build.ts'
import { createManifest, MANIFEST_NAME, type Manifest } from './release/manifest.ts'

/** A tree that can be sent: its manifest, and how to get at the bytes of each file. */
export interface Tree {
  readonly kind: TreeKind
  readonly manifest: Manifest
  readonly entries: readonly ArchiveEntry[]
}

export interface PushValue {
  readonly release: Digest
  readonly kit: Digest
  /** Bytes of files that were sent; 0 when the node had everything. */
  readonly sentBytes: number
  /** What `current` pointed to before; empty on the first push. */
  readonly previous: string
  readonly outcome: 'pushed' | 'switched' | 'unchanged'
}

/** A node moves no byte while it waits for another push, verifies what came, and flushes it to a slow disk. */
const RECEIVE_STALL_MS = 600_000

export function releaseTree(release: Release): Tree {
  return tree('releases', release.manifest, (path) => {
    const file = release.sources.get(path)
    if (file === undefined) throw new FleetError('FLEET_RELEASE_BAD_FILE', `the release has no source for ${path}`)
    return { file }
  })
}

/** fleet's own sh programs travel exactly like a release. */
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
  return tree('kit', manifest, (path) => programs.get(path) ?? Buffer.alloc(0))
}

/** Brings one node to the release and the kit. `step` hears what is being done. */
export async function pushToNode(
  connection: Connection,
  base: string,
  trees: { readonly release: Tree; readonly kit: Tree },
  options: { readonly needsCurl: boolean; readonly step?: (what: string) => void },
): Promise<PushValue> {
  const digests = { release: trees.release.manifest.digest, kit: trees.kit.manifest.digest }
  const found = await inspect(connection, base, digests, options.needsCurl)
  let sentBytes = 0
  if (!found.hasKit) sentBytes += await send(connection, base, trees.kit, options.step)
  if (!found.hasRelease) sentBytes += await send(connection, base, trees.release, options.step)
  const isCurrent = found.currentRelease === digests.release && found.currentKit === digests.kit
  if (!isCurrent) await run(connection, activateCommand(base, digests))
  return {
    ...digests,
    sentBytes,
    previous: found.currentRelease,
    outcome: sentBytes > 0 ? 'pushed' : isCurrent ? 'unchanged' : 'switched',
  }
}

/** Brings only fleet's own programs to a place (the control machine, where the dispatcher is supervised). */
export async function pushKit(connection: Connection, base: string, kit: Tree): Promise<void> {
  const digest = kit.manifest.digest
  const found = await inspect(connection, base, { kit: digest }, false)
  if (!found.hasKit) await send(connection, base, kit, undefined)
  if (found.currentKit !== digest) await run(connection, activateCommand(base, { kit: digest }))
}

/** What is there; refuses a node that lacks a tool which nothing could replace. */
export async function inspect(
  connection: Connection,
  base: string,
  digests: WantedDigests,
  needsCurl: boolean,
): Promise<Inspection> {
  const tools = needsCurl ? [...REQUIRED_TOOLS, 'curl'] : REQUIRED_TOOLS
  const found = parseInspection((await run(connection, inspectCommand(base, digests, tools))).stdout)
  if (found.missingTools.length === 0) return found
  throw new FleetError('FLEET_NODE_MISSING_TOOL', `the node lacks ${found.missingTools.join(', ')}`, {
    remedy:
      'install it there (Debian: apt-get install curl util-linux coreutils tar), or put a program of that name into .bin below root, then push again',
  })
}

function tree(kind: TreeKind, manifest: Manifest, contentOf: (path: string) => ArchiveEntry['content']): Tree {
  const text = Buffer.from(manifest.text)
  const files = manifest.files.map((file) => ({
    path: file.path,
    mode: file.mode === '755' ? 0o555 : 0o444,
    sizeBytes: file.sizeBytes,
    content: contentOf(file.path),
  }))
  return {
    kind,
    manifest,
    entries: [{ path: MANIFEST_NAME, mode: 0o444, sizeBytes: text.length, content: text }, ...files],
  }
}

async function send(
  connection: Connection,
  base: string,
  what: Tree,
  step: ((what: string) => void) | undefined,
): Promise<number> {
  const total = what.manifest.sizeBytes
  const label = what.kind === 'kit' ? 'kit' : 'release'
  let sent = 0
  let shown = 0
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of archive(what.entries)) {
      yield chunk
      sent += chunk.length
      if (sent - shown < total / 50) continue
      shown = sent
      step?.(`sending ${label}: ${formatSize(Math.min(sent, total))} of ${formatSize(total)}`)
    }
  }
  const stdin = Readable.from(counted(), { objectMode: false, highWaterMark: 1 << 20 })
  // What broke here (a file that changed, say) explains more than what the node made of the broken stream.
  let sourceError: unknown
  stdin.once('error', (error) => (sourceError = error))
  try {
    await run(connection, receiveCommand(base, what.kind, what.manifest.digest), { stdin, stallMs: RECEIVE_STALL_MS })
  } catch (error) {
    throw sourceError ?? error
  }
  return total
}
