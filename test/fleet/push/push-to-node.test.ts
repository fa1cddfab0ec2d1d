// Push, from files here to a release in use there: what is there already is not sent again.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildRelease, createManifestCache, releaseTree, type Tree } from '../../../src/fleet/index.ts'
import type { Connection } from '../../../src/ssh/index.ts'
import { unfinished } from '../local-node.ts'
import { expectInUse, kit, openPushBench, releasesOn, type PushBench } from './push-bench.ts'

let bench: PushBench
let app: string

beforeEach(() => {
  bench = openPushBench()
  app = join(bench.node.home, 'app')
  mkdirSync(app)
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

async function build(): Promise<Tree> {
  return releaseTree(await buildRelease(bench.node.home, ['app']))
}

function write(path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(join(app, path, '..'), { recursive: true })
  writeFileSync(join(app, path), content)
  chmodSync(join(app, path), mode)
}

async function buildOne(content: string | Buffer): Promise<Tree> {
  write('main', content, 0o755)
  return build()
}

describe('pushToNode', () => {
  it('sends release and kit, switches to them, and looks just once the second time', async () => {
    const release = await buildOne('one')
    const first = await bench.push(release)
    expect(first).toMatchObject({
      release: release.manifest.digest,
      kit: kit.manifest.digest,
      previous: '',
      outcome: 'pushed',
      pruned: [],
      sentBytes: first.cost.bytes,
    })
    expect(first.cost.commands).toEqual(['inspect', 'receive', 'receive', 'switch'])
    expect(first.sentBytes).toBeGreaterThan(kit.manifest.sizeBytes)
    expectInUse(bench.node, release)
    expect(readFileSync(join(bench.node.folder, 'kit/current/keep.sh')).length).toBeGreaterThan(0)
    expect(await bench.push(release)).toMatchObject({
      outcome: 'unchanged',
      previous: release.manifest.digest,
      cost: { commands: ['inspect'], bytes: 0 },
    })
  })

  it('keeps the former release and says which it was, and going back sends nothing', async () => {
    const one = await buildOne('one')
    await bench.push(one)
    const next = await buildOne('two')
    expect(await bench.push(next)).toMatchObject({ outcome: 'pushed', previous: one.manifest.digest })
    expect(await bench.push(one)).toMatchObject({
      outcome: 'switched',
      sentBytes: 0,
      previous: next.manifest.digest,
      cost: { commands: ['inspect', 'switch'] },
    })
    expectInUse(bench.node, one)
  })

  it('sends one file when one of 500 changed', async () => {
    for (let file = 0; file < 500; file += 1) write(`folder ${file % 7}/${file}`, randomBytes(2000))
    const first = await bench.push(await build())
    expect(first.sentBytes).toBeGreaterThan(1_000_000)
    appendFileSync(join(app, 'folder 3/122'), 'more')
    const release = await build()
    const { cost, sentBytes } = await bench.push(release)
    expect(sentBytes).toBe(cost.bytes)
    // The manifest and the list of what is linked name every file; of content there is one.
    expect(sentBytes).toBeLessThan(2004 + 500 * 150)
    expectInUse(bench.node, release)
  })

  it('sends no content of a folder that was renamed, nor of a file of which only the mode changed', async () => {
    for (let file = 0; file < 50; file += 1) write(`lib/${file}.js`, randomBytes(20_000))
    write('tool', randomBytes(300_000))
    await bench.push(await build())
    renameSync(join(app, 'lib'), join(app, 'library'))
    chmodSync(join(app, 'tool'), 0o755)
    const release = await build()
    const { sentBytes } = await bench.push(release)
    expect(sentBytes).toBeLessThan(50_000)
    expectInUse(bench.node, release)
    // And the other way round.
    chmodSync(join(app, 'tool'), 0o644)
    const back = await build()
    expect((await bench.push(back)).sentBytes).toBeLessThan(50_000)
    expectInUse(bench.node, back)
  })

  it('reuses what lies in an older release, and links it instead of copying', async () => {
    write('large', randomBytes(400_000))
    const first = await build()
    await bench.push(first)
    const between = await buildOne('without the large one')
    write('large', 'small now')
    await bench.push(await build())
    expect(between.manifest.digest).not.toBe(first.manifest.digest)
    write('large', readFileSync(join(bench.node.folder, 'releases', first.manifest.digest, 'app/large')))
    const again = await build()
    const { sentBytes } = await bench.push(again)
    expect(sentBytes).toBeLessThan(20_000)
    const inode = (tree: Tree): number =>
      statSync(join(bench.node.folder, 'releases', tree.manifest.digest, 'app/large')).ino
    expect(inode(again)).toBe(inode(first))
    // Linking changes neither what was sealed nor what was trusted.
    expect((await bench.push(first)).cost.commands).toEqual(['inspect', 'switch'])
  })

  it('asks for a manifest once, and uses none that is not what its name says', async () => {
    const one = await buildOne(randomBytes(100_000))
    await bench.push(one)
    const manifest = join(bench.node.folder, 'releases', one.manifest.digest, '.fleet-manifest')
    chmodSync(manifest, 0o644)
    appendFileSync(manifest, `644 4 ${'0'.repeat(64)}  evil\n`)
    write('more', 'more')
    const next = await build()
    const manifests = createManifestCache()
    const { sentBytes, cost } = await bench.push(next, { manifests })
    expect(cost.commands.filter((name) => name.includes('manifest'))).toHaveLength(1)
    expect(sentBytes).toBeGreaterThan(100_000)
    expectInUse(bench.node, next)
  })

  it('blames the file that changed, not the node, and leaves the node as it was', async () => {
    const release = await buildOne('x'.repeat(100_000))
    writeFileSync(join(app, 'main'), 'shorter')
    await expect(bench.push(release)).rejects.toMatchObject({
      code: 'FLEET_RELEASE_CHANGED',
      message: expect.stringContaining('app/main') as string,
    })
    expect(releasesOn(bench.node)).toEqual([])
    expect(await bench.push(await buildOne('again'))).toMatchObject({ outcome: 'pushed' })
    expect(unfinished(bench.node.folder)).toEqual([])
  })

  it('blames a file whose bytes changed while its size and its time did not', async () => {
    const release = await buildOne('aaaa')
    const { atime, mtime } = statSync(join(app, 'main'))
    writeFileSync(join(app, 'main'), 'bbbb')
    utimesSync(join(app, 'main'), atime, mtime)
    await expect(bench.push(release)).rejects.toMatchObject({ code: 'FLEET_RELEASE_CHANGED' })
    expect(releasesOn(bench.node)).toEqual([])
  })

  it('names the tool that a node lacks before anything is sent', async () => {
    const release = await buildOne('one')
    const commands: string[] = []
    const bare: Connection = {
      ...bench.node.connection,
      exec: async (line, options) => {
        commands.push(line)
        const result = await bench.node.connection.exec(line, options)
        return {
          ...result,
          stdout: `${result.stdout}fleet-inspect missing-tool=tar\nfleet-inspect missing-tool=curl\n`,
        }
      },
    }
    await expect(bench.push(release, { connection: bare })).rejects.toMatchObject({
      code: 'FLEET_NODE_MISSING_TOOL',
      message: 'the node lacks tar, curl',
    })
    expect(commands).toHaveLength(1)
  })

  it('tells what it does and what was sent, never more than all of it', async () => {
    const steps: string[] = []
    const heard: (readonly [number, number])[] = []
    const { sentBytes } = await bench.push(await buildOne(randomBytes(3_000_000)), {
      step: (what) => steps.push(what),
      onSent: (bytes, ofBytes) => heard.push([bytes, ofBytes]),
    })
    expect(steps).toEqual(['sending kit', 'sending release', 'switching'])
    expect(heard.length).toBeGreaterThan(5)
    for (const [index, [bytes, ofBytes]] of heard.entries()) {
      expect(bytes).toBeGreaterThan(heard[index - 1]?.[0] ?? 0)
      expect(bytes).toBeLessThanOrEqual(ofBytes)
    }
    expect(heard.at(-1)?.[0]).toBe(sentBytes)
  })
})
