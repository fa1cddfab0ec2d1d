// The whole life of a release on nodes of every kind: under every shell, and with no tools but busybox's.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/ssh/index.ts'
import { shellsHere } from '../../node/shells.ts'
import { busyboxTools, unfinished } from '../local-node.ts'
import { expectInUse, openPushBench, releasesOn, type PushBench } from './push-bench.ts'
import { treeOf, type Files } from './trees.ts'

const MIB = 1 << 20

const busybox = busyboxTools()
const variants = [
  ...shellsHere().map((shell) => ({ name: shell.name, sh: shell.path, tools: {} })),
  ...(busybox === undefined
    ? []
    : [{ name: 'busybox with all its tools', sh: join(busybox, 'sh'), tools: { tools: busybox } }]),
]

const ODD: Files = {
  '-rf': 'x',
  '-rf folder/-n': 'y',
  'two  spaces, $(reboot) and `date`': 'x',
  'it\'s *[a]?;"': 'z',
  'foo: OK': 'named like a verdict',
  ' leading/ and trailing ': 'w',
  'фото/写真 01.jpg': Buffer.from([0, 255, 10]),
  [`${'d'.repeat(120)}/${'写'.repeat(60)}`]: 'long',
  'bad\u00a0name': 'no-break',
}

describe.each(variants)('a node with $name', ({ sh, tools }) => {
  let bench: PushBench

  beforeEach(() => {
    bench = openPushBench({ sh, ...tools })
  })
  afterEach(async () => {
    await bench[Symbol.asyncDispose]()
  })

  it('takes a release, its successors, what breaks off and what is damaged', async () => {
    const large = randomBytes(6 * MIB)
    const tool = randomBytes(400_000)
    const first = treeOf(
      { ...ODD, tool, 'lib/a.js': randomBytes(50_000), 'lib/b.js': 'b', 'lib/deep/c.js': 'c' },
      { executable: ['tool', 'foo: OK'], links: { 'lib/link -> x': 'b.js', 'a link': 'lib' } },
    )
    await bench.push(first)
    expectInUse(bench.node, first)
    expect(await bench.push(first)).toMatchObject({ outcome: 'unchanged' })

    // One file that breaks off in the middle; everything else was renamed, or has another mode, or is the same.
    const second = treeOf(
      {
        ...ODD,
        'bin/tool': tool,
        'library/a.js': first.contentOf('lib/a.js') as Buffer,
        'library/b.js': 'b',
        'library/deep/c.js': 'c',
        large,
      },
      { executable: ['-rf', 'library/b.js'], links: { 'lib link': 'library' } },
    )
    await expect(bench.push(second, { connection: breaking(bench.node.connection, 3 * MIB) })).rejects.toThrow()
    expectInUse(bench.node, first)
    expect(releasesOn(bench.node)).toEqual([first.manifest.digest])
    const resumed = await bench.push(second)
    expect(resumed.sentBytes).toBeLessThan(large.length - 1.5 * MIB)
    expectInUse(bench.node, second)

    const place = join(bench.node.folder, 'releases', second.manifest.digest)
    for (const [path, change] of [
      ['it\'s *[a]?;"', unlinkSync],
      ['library/deep/c.js', (file: string) => spawnSync('sh', ['-c', 'chmod u+w "$1"; echo more >>"$1"', 'sh', file])],
      ['bin/tool', (file: string) => spawnSync('chmod', ['755', file])],
    ] as const) {
      chmodSync(dirname(join(place, path)), 0o755)
      change(join(place, path))
      chmodSync(dirname(join(place, path)), 0o555)
    }
    const mended = await bench.push(second)
    expect(mended.outcome).toBe('mended')
    // A mode costs the file: what is bad is sent.
    expect(mended.sentBytes).toBeLessThan(tool.length + 50_000)
    expectInUse(bench.node, second)

    // Releases share files, and so what happens to them.
    const back = await bench.push(first, { keep: 1 })
    expect(back.outcome).toBe('mended')
    expect(back.sentBytes).toBeLessThan(20_000)
    expectInUse(bench.node, first)
    expect(unfinished(bench.node.folder)).toEqual([])
  }, 60_000)

  it('installs once when five push the same release at once', async () => {
    const release = treeOf({ ...ODD, data: randomBytes(200_000) })
    const results = await Promise.all(Array.from({ length: 5 }, () => bench.push(release)))
    expect(new Set(results.map((result) => result.release)).size).toBe(1)
    expectInUse(bench.node, release)
    expect(readFileSync(join(bench.node.folder, 'kit/current/keep.sh')).length).toBeGreaterThan(0)
    expect(unfinished(bench.node.folder)).toEqual([])
    expect(await bench.push(release)).toMatchObject({ outcome: 'unchanged' })
  }, 60_000)
})

/** The node gets so many bytes of a large stream, and then its end. */
function breaking(connection: Connection, afterBytes: number): Connection {
  return {
    ...connection,
    exec: (line, options = {}) => {
      const { stdin } = options
      if (!(stdin instanceof Readable)) return connection.exec(line, options)
      const cut = Readable.from(
        (async function* () {
          let bytes = 0
          for await (const piece of stdin as AsyncIterable<Buffer>) {
            bytes += piece.length
            if (bytes > afterBytes) return
            yield piece
          }
        })(),
      )
      return connection.exec(line, { ...options, stdin: cut })
    },
  }
}
