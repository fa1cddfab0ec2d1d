// Killed at any moment, cut at any byte: what has a final name is complete, and the next push needs to send only the rest.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inspectCommand, parseInspection, switchCommand, type Inspection } from '../../../src/node/index.ts'
import { openLocalNode, type LocalNode } from '../../fleet/local-node.ts'
import { findProgram } from '../../support/requires-program.ts'
import { shellsHere } from '../shells.ts'
import { membersOf, receive, streamOf, treeOf } from './tree.ts'

/** Every tool that the scripts call. Each is replaced by one that ends the whole process group at a chosen call. */
const TOOLS = [
  'chmod',
  'cmp',
  'cp',
  'cut',
  'find',
  'flock',
  'ln',
  'ls',
  'mkdir',
  'mv',
  'readlink',
  'rm',
  'sed',
  'sha256sum',
  'sort',
  'sync',
  'tar',
  'wc',
]
const first = treeOf({ main: 'one', 'conf/a': 'a' })
const second = treeOf(
  { main: 'two', 'conf/a': 'a', 'conf/deep/er': 'b', 'data.bin': Buffer.alloc(30_000, 'data') },
  { links: { link: 'main' } },
)

/** More than the shell itself compares: other programs do. */
const many = treeOf({
  ...second.files,
  ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`many/${index}`, `${index}`])),
})

// A minute for each shell when every call is tried, so by default it is every third one, under one shell.
const isLong = process.env['FLEET_TEST_LONG'] === '1'
const STEP = isLong ? 1 : 3

describe.each(shellsHere().slice(0, isLong ? undefined : 1))('under $name', ({ path: sh }) => {
  let node: LocalNode
  let traps: string

  beforeEach(async () => {
    node = openLocalNode({ sh })
    traps = join(node.home, 'traps')
    mkdirSync(traps)
    expect(await receive(node, first)).toMatchObject({ exitCode: 0 })
    expect(
      await node.run(switchCommand(node.base, { release: first.manifest.digest, keep: 3, claim: 'unlocked' })),
    ).toMatchObject({ exitCode: 0 })
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  /** From now on the `call`th call of a tool, and every later one, kills its process group, before or after the tool has run. */
  function trap(call: number, when: 'before' | 'after'): void {
    for (const tool of TOOLS) {
      const real = findProgram(tool, `killing at ${tool}`) ?? ''
      // Programs of a pipe count at the same time, so each adds a byte.
      const count = `printf . >>"${traps}/count"; n=$(wc -c <"${traps}/count")`
      const kill = `kill -KILL 0`
      const script = [
        '#!/bin/dash',
        'PATH=/usr/bin:/bin',
        count,
        `if [ $n -ge ${call} ]; then ${when === 'before' ? '' : `"${real}" "$@"; `}${kill}; fi`,
        `exec "${real}" "$@"`,
        '',
      ].join('\n')
      writeFileSync(join(traps, tool), script)
      chmodSync(join(traps, tool), 0o755)
    }
    writeFileSync(join(traps, 'count'), '')
  }

  async function trapped<Value>(work: () => Promise<Value>): Promise<Value> {
    const before = process.env['PATH']
    process.env['PATH'] = `${traps}:${before ?? ''}`
    try {
      return await work()
    } finally {
      process.env['PATH'] = before
    }
  }

  async function look(tree = second): Promise<Inspection> {
    const wish = { release: tree.manifest.digest, tools: [], programs: [] }
    return parseInspection((await node.run(inspectCommand(node.base, wish))).stdout)
  }

  /** Everything with a final name is whole; `current` is one of both. */
  async function expectSound(wanted = second): Promise<Inspection> {
    const current = readlinkSync(join(node.folder, 'current')).slice('releases/'.length)
    expect([first.manifest.digest, second.manifest.digest]).toContain(current)
    for (const tree of [first, wanted]) {
      const place = join(node.folder, 'releases', tree.manifest.digest)
      if (!existsSync(place)) continue
      for (const [path, content] of Object.entries(tree.files))
        expect(readFileSync(join(place, path)).equals(Buffer.from(content))).toBe(true)
    }
    const found = await look(wanted)
    expect(['sealed', 'absent']).toContain(found.trees.releases)
    return found
  }

  it.each([
    ['a receive', second],
    ['a receive of many files', many],
  ])(
    '%s that is killed at any of its calls leaves nothing half, and the next one sends the rest',
    async (_, tree) => {
      let calls = 0
      for (const when of ['before', 'after'] as const) {
        for (let call = 1; ; call += STEP) {
          trap(call, when)
          const killed = await trapped(async () => receive(node, tree))
          if (killed.exitCode === 0) break
          calls += 1
          expect(killed, `call ${call}`).toMatchObject({ signal: 'KILL' })
          const { trees, staged } = await expectSound(tree)
          if (trees.releases === 'absent') {
            const there = [...staged.releases].filter(
              ([path, size]) => size === Buffer.byteLength(tree.files[path] ?? ''),
            )
            const rest = membersOf(tree, (path) => !there.some(([name]) => name === path))
            expect(await receive(node, tree, { stdin: await streamOf(rest) }), `call ${call}`).toMatchObject({
              exitCode: 0,
              stderr: '',
            })
          }
          expect((await look(tree)).trees.releases).toBe('sealed')
          // And anew.
          await node.run({
            name: 'test',
            script: 'chmod -R u+w "$1" && rm -r "$1"',
            args: [join(node.folder, 'releases', tree.manifest.digest)],
          })
        }
        await node.run({
          name: 'test',
          script: 'chmod -R u+w "$1" && rm -r "$1"',
          args: [join(node.folder, 'releases', tree.manifest.digest)],
        })
      }
      expect(calls).toBeGreaterThan(18 / STEP)
    },
    300_000,
  )

  it('a receive of few files starts few programs', async () => {
    trap(1000, 'before')
    expect(await trapped(async () => receive(node, treeOf({ main: 'x' })))).toMatchObject({ exitCode: 0, stderr: '' })
    // flock, mkdir, tar, find, sort, sha256sum, sync, mv, chmod, sync, rm: each is a millisecond of CPU on every node.
    expect(statSync(join(traps, 'count')).size).toBe(11)
  })

  it('a switch that is killed at any of its calls leaves current, and all that is kept, whole', async () => {
    expect(await receive(node, second)).toMatchObject({ exitCode: 0 })
    let calls = 0
    let wanted = second
    for (const when of ['before', 'after'] as const) {
      for (let call = 1; ; call += STEP) {
        trap(call, when)
        const killed = await trapped(async () =>
          node.run(switchCommand(node.base, { release: wanted.manifest.digest, keep: 1, claim: 'unlocked' })),
        )
        if (killed.exitCode === 0) break
        calls += 1
        expect(killed, `call ${call}`).toMatchObject({ signal: 'KILL' })
        await expectSound()
        expect(
          await node.run(switchCommand(node.base, { release: wanted.manifest.digest, keep: 1, claim: 'unlocked' })),
        ).toMatchObject({ exitCode: 0, stderr: '' })
        expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${wanted.manifest.digest}`)
        wanted = wanted === first ? second : first
      }
    }
    expect(calls).toBeGreaterThan(8 / STEP)
    expect(readdirSync(join(node.folder, 'releases')).sort()).toEqual(
      ['.sealed', first.manifest.digest, second.manifest.digest].sort(),
    )
  }, 300_000)

  it('a mend that is killed at any of its calls is finished by the next one', async () => {
    expect(await receive(node, second)).toMatchObject({ exitCode: 0 })
    const place = join(node.folder, 'releases', second.manifest.digest)
    const stdin = await streamOf(membersOf(second, (path) => path === 'main' || path === 'conf/deep/er'))
    for (let call = 1; ; call += 3) {
      chmodSync(place, 0o755)
      writeFileSync(join(place, 'new'), 'damaged')
      await node.run({ name: 'test', script: 'cd "$1" && mv -f new main && rm -rf conf/deep', args: [place] })
      trap(call, 'before')
      const killed = await trapped(async () => receive(node, second, { how: 'mend', stdin }))
      if (killed.exitCode === 0) break
      expect(killed).toMatchObject({ signal: 'KILL' })
      expect(['sealed', 'changed']).toContain((await look()).trees.releases)
      expect(await receive(node, second, { how: 'mend', stdin })).toMatchObject({ exitCode: 0, stderr: '' })
      expect((await expectSound()).trees.releases).toBe('sealed')
    }
    expect((await expectSound()).trees.releases).toBe('sealed')
  }, 300_000)

  it('a stream that is cut anywhere leaves nothing half', async () => {
    const whole = await streamOf(membersOf(second))
    symlinkSync('nowhere', join(node.folder, 'previous'))
    for (let cut = 0; cut < whole.length - 1024; cut += 997 * STEP) {
      expect(await receive(node, second, { stdin: whole.subarray(0, cut) }), `cut at ${cut}`).toMatchObject({
        exitCode: 74,
      })
      expect(readdirSync(join(node.folder, 'releases')).filter((name) => !name.startsWith('.'))).toEqual([
        first.manifest.digest,
      ])
    }
    expect((await expectSound()).trees.releases).toBe('absent')
    expect(await receive(node, second)).toMatchObject({ exitCode: 0, stderr: '' })
  }, 300_000)
})
