// A local node with everything that a push needs, and what it cost: commands and bytes on the wire.
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'vitest'
import {
  createManifestCache,
  digestsOf,
  inspect,
  isUnchanged,
  kitTree,
  pushToNode,
  type PushOptions,
  type PushValue,
  type Tree,
} from '../../../src/fleet/index.ts'
import { createPacks, type Packs } from '../../../src/fleet/push/packs.ts'
import { MANIFEST_NAME } from '../../../src/fleet/release/manifest.ts'
import { REQUIRED_TOOLS, type Claim, type Inspection, type InspectionWish } from '../../../src/node/index.ts'
import type { Connection } from '../../../src/ssh/index.ts'
import { openLocalNode, type LocalNode } from '../local-node.ts'

export const kit = kitTree()

export interface Cost {
  commands: string[]
  /** Bytes of every stdin. */
  bytes: number
}

export interface PushBench extends AsyncDisposable {
  readonly node: LocalNode
  readonly packs: Packs
  /** As the command does it for one node: look, and do something only if there is something to do. */
  push(
    release: Tree,
    options?: Partial<PushOptions> & { connection?: Connection; claim?: Claim },
  ): Promise<PushValue & { cost: Cost }>
  inspect(release: Tree): Promise<Inspection>
}

export function openPushBench(options: Parameters<typeof openLocalNode>[0] = {}): PushBench {
  const node = openLocalNode(options)
  const packs = createPacks({ folder: join(node.home, 'packs') })
  return {
    node,
    packs,
    inspect: (release) => inspect(node.connection, node.base, wishFor(release)),
    push: async (release, { connection = node.connection, claim = 'unlocked', ...changes } = {}) => {
      const { counted, cost } = counting(connection)
      const trees = { release, kit }
      const found = await inspect(counted, node.base, wishFor(release))
      const pushOptions = { packs, manifests: createManifestCache(), keep: 5, verify: false, ...changes }
      if (isUnchanged(found, digestsOf(trees), pushOptions.verify)) {
        const { release: digest, kit: kitDigest } = digestsOf(trees)
        const previous = found.currentRelease
        return { release: digest, kit: kitDigest, previous, sentBytes: 0, pruned: [], outcome: 'unchanged', cost }
      }
      return { ...(await pushToNode(counted, node.base, trees, found, claim, pushOptions)), cost }
    },
    [Symbol.asyncDispose]: async () => {
      await packs.close()
      await node[Symbol.asyncDispose]()
    },
  }
}

export function wishFor(release: Tree): InspectionWish {
  return { release: release.manifest.digest, kit: kit.manifest.digest, tools: REQUIRED_TOOLS, programs: [] }
}

/** The same connection, and what goes through it. */
function counting(connection: Connection): { readonly counted: Connection; readonly cost: Cost } {
  const cost: Cost = { commands: [], bytes: 0 }
  async function* count(stdin: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of stdin) {
      yield piece
      cost.bytes += piece.length
    }
  }
  const counted: Connection = {
    ...connection,
    exec: (line, options = {}) => {
      cost.commands.push(/fleet-([a-z-]+)/.exec(line)?.[1] ?? line)
      const { stdin } = options
      if (!(stdin instanceof Readable)) return connection.exec(line, options)
      return connection.exec(line, { ...options, stdin: Readable.from(count(stdin), { highWaterMark: 1 }) })
    },
  }
  return { counted, cost }
}

/** The node has exactly this tree, bytes, modes and links, and has switched to it. */
export function expectInUse(node: LocalNode, { manifest }: Tree): void {
  expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${manifest.digest}`)
  expectWhole(node, { manifest })
}

function expectWhole(node: LocalNode, { manifest }: Pick<Tree, 'manifest'>): void {
  const place = join(node.folder, 'releases', manifest.digest)
  const there = [...pathsBelow(place, '')]
  const wanted = [...manifest.files, ...manifest.links].map(({ path }) => path)
  expect(there.toSorted()).toEqual([MANIFEST_NAME, ...wanted].toSorted())
  for (const { path, mode, sha256 } of manifest.files) {
    const file = join(place, path)
    expect(createHash('sha256').update(readFileSync(file)).digest('hex'), path).toBe(sha256)
    expect((lstatSync(file).mode & 0o777).toString(8), path).toBe(mode === '755' ? '555' : '444')
  }
  for (const { path, target } of manifest.links) expect(readlinkSync(join(place, path)), path).toBe(target)
}

/** Of files and links; what a link leads to is not entered. */
function* pathsBelow(folder: string, prefix: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* pathsBelow(join(folder, entry.name), `${prefix}${entry.name}/`)
    else yield `${prefix}${entry.name}`
  }
}

/** Names of releases on the node, sealed or not; what is arriving is not one. */
export function releasesOn(node: LocalNode): string[] {
  const folder = join(node.folder, 'releases')
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : []
}
