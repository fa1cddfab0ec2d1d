// Switching: whoever looks sees the old release or the new one, the way back is known, and what is in use is never removed.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseDigest, type Digest } from '../../../src/core/index.ts'
import {
  inspectCommand,
  parseInspection,
  parsePruned,
  switchCommand,
  takeLockCommand,
  type SwitchOptions,
} from '../../../src/node/index.ts'
import { openLocalNode, unfinished, type LocalNode } from '../../fleet/local-node.ts'
import { nodeVariants } from './variants.ts'

const digests = Array.from({ length: 8 }, (_, index) => parseDigest(`${index + 1}`.repeat(64)))
const [ONE, TWO, THREE] = digests as [Digest, Digest, Digest, ...Digest[]]
const ABSENT = parseDigest('ab'.repeat(32))

describe.each(nodeVariants())('under $name', ({ options }) => {
  let node: LocalNode

  beforeEach(() => {
    node = openLocalNode(options)
    // ONE is the oldest.
    for (const [index, digest] of digests.entries()) put('releases', digest, index)
    for (const digest of [ONE, TWO]) put('kit', digest, 0)
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  function put(kind: string, digest: Digest, ageS: number): void {
    const place = join(node.folder, kind, digest)
    mkdirSync(join(place, 'conf'), { recursive: true })
    mkdirSync(join(node.folder, kind, '.sealed'), { recursive: true })
    writeFileSync(join(node.folder, kind, '.sealed', digest), 'x')
    writeFileSync(join(place, 'conf', 'file'), 'x', { mode: 0o444 })
    writeFileSync(join(place, '.fleet-manifest'), 'x')
    utimesSync(join(place, '.fleet-manifest'), 1000 + ageS, 1000 + ageS)
    chmodSync(join(place, 'conf'), 0o555)
    chmodSync(place, 0o555)
  }

  const switchTo = async (wanted: Partial<SwitchOptions>) =>
    node.run(switchCommand(node.base, { keep: 99, claim: 'unlocked', ...wanted }))
  const current = (): string => readlinkSync(join(node.folder, 'current'))
  const previous = (): string => readlinkSync(join(node.folder, 'previous'))
  const releases = (): string[] => readdirSync(join(node.folder, 'releases')).filter((name) => name !== '.sealed')

  it('points to the release, the kit and the runtime, relative, so that the folder may be moved', async () => {
    put('runtimes', ONE, 0)
    chmodSync(join(node.folder, 'runtimes', ONE), 0o755)
    mkdirSync(join(node.folder, 'runtimes', ONE, 'bin'))
    writeFileSync(join(node.folder, 'runtimes', ONE, 'bin/node'), '#!/bin/sh\necho v24.0.0\n', { mode: 0o555 })
    const done = await switchTo({ release: ONE, kit: TWO, runtime: ONE })
    expect(done).toEqual({ exitCode: 0, signal: undefined, stdout: '', stderr: '' })
    expect(current()).toBe(`releases/${ONE}`)
    expect(readlinkSync(join(node.folder, 'kit/current'))).toBe(TWO)
    expect(readlinkSync(join(node.folder, 'runtimes/current'))).toBe(ONE)
    expect(existsSync(join(node.folder, 'previous'))).toBe(false)
  })

  it('refuses what is not there, and leaves everything as it was', async () => {
    await switchTo({ release: ONE, kit: ONE })
    for (const wanted of [{ release: ABSENT }, { release: TWO, kit: ABSENT }, { release: TWO, runtime: ABSENT }]) {
      expect(await switchTo(wanted)).toMatchObject({
        exitCode: 66,
        stderr: expect.stringContaining(`${ABSENT} is not there`) as string,
      })
      expect(current()).toBe(`releases/${ONE}`)
    }
  })

  it('remembers what was current before, and not when nothing changed', async () => {
    await switchTo({ release: ONE })
    await switchTo({ release: TWO })
    expect([current(), previous()]).toEqual([`releases/${TWO}`, `releases/${ONE}`])
    await switchTo({ release: TWO, kit: ONE })
    expect([current(), previous()]).toEqual([`releases/${TWO}`, `releases/${ONE}`])
    await switchTo({ release: ONE })
    expect([current(), previous()]).toEqual([`releases/${ONE}`, `releases/${TWO}`])
  })

  it('removes the oldest beyond those that are kept, but never what is current or previous', async () => {
    await switchTo({ release: ONE })
    await switchTo({ release: THREE })
    const left = await switchTo({ release: THREE, keep: 2 })
    expect(left).toMatchObject({ exitCode: 0, stderr: '' })
    expect(parsePruned(left.stdout).toSorted()).toEqual([digests[1], digests[3], digests[4], digests[5]])
    expect(releases().sort()).toEqual([ONE, THREE, digests[6], digests[7]])
    expect(readdirSync(join(node.folder, 'releases/.sealed')).sort()).toEqual(releases().sort())
    expect((await switchTo({ release: THREE, keep: 2 })).stdout).toBe('')
  })

  it('never removes what a living worker, or the command it left behind, was started from', async () => {
    const sign = (slot: string, role: string, release: string, bootId = boot): void => {
      mkdirSync(join(node.folder, 'slots', slot), { recursive: true })
      writeFileSync(join(node.folder, 'slots', slot, role), `${process.pid} ${born} ${bootId} ${release}\n`)
    }
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const born = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ')[19] ?? ''
    sign('p01', 'worker', digests[1] ?? '')
    sign('p02', 'worker', digests[2] ?? '', 'another-boot')
    sign('p03', 'worker', digests[3] ?? '', 'another-boot')
    sign('p03', 'child', '')
    writeFileSync(join(node.folder, 'slots/p01/odd'), 'x')
    mkdirSync(join(node.folder, 'slots/p04'))
    const left = await switchTo({ release: ONE, keep: 1 })
    expect(left).toMatchObject({ exitCode: 0, stderr: '' })
    expect(releases().sort()).toEqual([ONE, digests[1], digests[3], digests[7]])
  })

  it('keeps two runtimes and those in use', async () => {
    for (const [index, digest] of digests.slice(0, 5).entries()) put('runtimes', digest, index)
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const born = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ')[19] ?? ''
    mkdirSync(join(node.folder, 'slots/p01/etc'), { recursive: true })
    writeFileSync(join(node.folder, 'slots/p01/worker'), `${process.pid} ${born} ${boot} ${ONE}\n`)
    writeFileSync(join(node.folder, 'slots/p01/etc/runtime'), `${TWO}\n`)
    symlinkSync(ONE, join(node.folder, 'runtimes/current'))
    expect(await switchTo({ release: ONE })).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
    expect(readdirSync(join(node.folder, 'runtimes')).sort()).toEqual(
      ['.sealed', 'current', ONE, TWO, digests[3], digests[4]].sort(),
    )
  })

  it('lets whoever reads current find a release at every moment of 20 switches from two sides', async () => {
    await switchTo({ release: ONE })
    const state = { isDone: false, looks: 0 }
    const reader = (async () => {
      for (; !state.isDone; state.looks += 1) {
        expect([`releases/${ONE}`, `releases/${TWO}`]).toContain(current())
        expect(statSync(join(node.folder, 'current')).isDirectory()).toBe(true)
        await turn()
      }
    })()
    const operator = async (first: number): Promise<void> => {
      for (let round = 0; round < 10; round += 1)
        expect(await switchTo({ release: (first + round) % 2 === 0 ? ONE : TWO })).toMatchObject({ exitCode: 0 })
    }
    await Promise.all([operator(0), operator(1)])
    state.isDone = true
    await reader
    expect(state.looks).toBeGreaterThan(20)
    expect(unfinished(node.folder)).toEqual([])
  })

  it('refuses a runtime that does not run there, with what it said', async () => {
    put('runtimes', ONE, 0)
    expect(await switchTo({ release: ONE, runtime: ONE })).toMatchObject({
      exitCode: 126,
      stderr: expect.stringContaining('the runtime that was pushed does not run here: ') as string,
    })
    expect(existsSync(join(node.folder, 'current'))).toBe(false)
  })

  it('refuses an operator whose lock is another one’s by now, and switches nothing', async () => {
    const taker = { who: 'ann', host: 'laptop', command: 'fleet push', since: '2026-01-01T00:00:00Z', process: '' }
    const taken = await node.run(
      takeLockCommand(node.base, { ...taker, token: 'hers', ttlMs: 60_000, createFolder: true }),
    )
    expect(taken).toMatchObject({ exitCode: 0 })
    const look = async () =>
      parseInspection((await node.run(inspectCommand(node.base, { tools: [], programs: [] }))).stdout)
    const { lock } = await look()
    expect(lock).toMatchObject({ holder: { who: 'ann', token: 'hers' } })
    const good = { epoch: lock.epoch, token: 'hers' }
    expect(await switchTo({ release: ONE, claim: good })).toMatchObject({ exitCode: 0, stderr: '' })
    const late = await switchTo({ release: TWO, keep: 1, claim: { epoch: lock.epoch, token: 'his' } })
    expect(late).toMatchObject({ exitCode: 77, stderr: expect.stringContaining('ann@laptop') as string })
    expect(current()).toBe(`releases/${ONE}`)
    expect(releases()).toHaveLength(8)
    expect(await look()).toMatchObject({ currentRelease: ONE, previousRelease: '' })
  })
})
