// Switching: whoever looks sees the old release or the new one, the way back is known, and what is in use is never removed.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
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
  lockStateCommand,
  parseInspection,
  parseLockState,
  parsePruned,
  renewLockCommand,
  switchCommand,
  takeLockCommand,
  type Holder,
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

  it('remembers a way back that leads nowhere, and touches nothing where current is a folder', async () => {
    symlinkSync(`releases/${ABSENT}`, join(node.folder, 'current'))
    symlinkSync('elsewhere', join(node.folder, 'current.new'))
    expect(await switchTo({ release: ONE })).toMatchObject({ exitCode: 0, stderr: '' })
    expect([current(), previous()]).toEqual([`releases/${ONE}`, `releases/${ABSENT}`])
    rmSync(join(node.folder, 'current'))
    mkdirSync(join(node.folder, 'current'))
    expect(await switchTo({ release: TWO })).toMatchObject({ exitCode: 73 })
    expect(statSync(join(node.folder, 'current')).isDirectory()).toBe(true)
    expect(previous()).toBe(`releases/${ABSENT}`)
  })

  it.each([
    ['is another program', '#!/bin/sh\nexit 1\n', 0o700],
    ['was cut by a power loss', '', 0o700],
    ['may not be run', '#!/bin/sh\nexit 42\n', 0o600],
  ])('tries anew whether programs run there when what it tried the last time %s', async (_, content, mode) => {
    writeFileSync(join(node.folder, '.probe'), content, { mode })
    expect(await switchTo({ release: ONE })).toMatchObject({ exitCode: 0, stderr: '' })
    expect(statSync(join(node.folder, '.probe')).mode & 0o777).toBe(0o700)
    expect(readFileSync(join(node.folder, '.probe'), 'utf8')).toBe('#!/bin/sh\nexit 42\n')
    expect(await switchTo({ release: TWO })).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readdirSync(node.folder).filter((name) => name.startsWith('.probe'))).toEqual(['.probe'])
  })

  const take = async (token: string): Promise<Holder> => {
    const taker = { who: 'ann', host: 'laptop', command: 'fleet push', since: '2026-01-01T00:00:00Z', process: '' }
    const taken = await node.run(takeLockCommand(node.base, { ...taker, token, ttlMs: 60_000, createFolder: true }))
    expect(taken).toMatchObject({ exitCode: 0, stderr: '' })
    return { epoch: parseLockState(taken.stdout).epoch, token }
  }
  const lockState = async () => parseLockState((await node.run(lockStateCommand(node.base))).stdout)

  it('gives the lock back at the end when it is told to, as if that had been asked for by itself', async () => {
    const claim = await take('hers')
    expect(await switchTo({ release: ONE, claim })).toMatchObject({ exitCode: 0 })
    expect(await lockState()).toMatchObject({ holder: { token: 'hers' } })
    const done = await switchTo({ release: TWO, keep: 2, claim, thenRelease: true })
    expect(done).toMatchObject({ exitCode: 0, stderr: '' })
    expect(parsePruned(done.stdout)).toHaveLength(4)
    expect(await lockState()).toEqual({ epoch: 1, holder: undefined })
    expect(current()).toBe(`releases/${TWO}`)
    expect(await node.run(renewLockCommand(node.base, claim, 60_000))).toMatchObject({ exitCode: 77 })
    expect(await switchTo({ release: ONE, claim, thenRelease: true })).toMatchObject({ exitCode: 77 })
    expect(await take('his')).toEqual({ epoch: 2, token: 'his' })
    expect(await switchTo({ release: ONE, thenRelease: true })).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await lockState()).toMatchObject({ epoch: 2, holder: { token: 'his' } })
  })

  it('keeps the lock when it failed, and never gives back what is somebody else’s', async () => {
    const claim = await take('hers')
    expect(await switchTo({ release: ABSENT, claim, thenRelease: true })).toMatchObject({ exitCode: 66 })
    expect(await switchTo({ release: ONE, claim: { epoch: 1, token: 'his' }, thenRelease: true })).toMatchObject({
      exitCode: 77,
    })
    mkdirSync(join(node.folder, 'current'))
    expect(await switchTo({ release: ONE, claim, thenRelease: true })).toMatchObject({ exitCode: 73 })
    expect(await lockState()).toMatchObject({ epoch: 1, holder: { token: 'hers' } })
  })

  it('stays given back when heartbeats arrive at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const claim = await take('hers')
      const beats = Array.from({ length: 4 }, async () => node.run(renewLockCommand(node.base, claim, 60_000)))
      const done = await switchTo({ release: round % 2 === 0 ? ONE : TWO, claim, thenRelease: true })
      expect(done).toMatchObject({ exitCode: 0, stderr: '' })
      for (const { exitCode } of await Promise.all(beats)) expect([0, 77]).toContain(exitCode)
      expect((await lockState()).holder).toBeUndefined()
    }
  })

  it('refuses an operator whose lock is another one’s by now, and switches nothing', async () => {
    const good = await take('hers')
    const look = async () =>
      parseInspection((await node.run(inspectCommand(node.base, { tools: [], programs: [] }))).stdout)
    const { lock } = await look()
    expect(lock).toMatchObject({ holder: { who: 'ann', token: 'hers' } })
    expect(await switchTo({ release: ONE, claim: good })).toMatchObject({ exitCode: 0, stderr: '' })
    const late = await switchTo({ release: TWO, keep: 1, claim: { epoch: lock.epoch, token: 'his' } })
    expect(late).toMatchObject({ exitCode: 77, stderr: expect.stringContaining('ann@laptop') as string })
    expect(current()).toBe(`releases/${ONE}`)
    expect(releases()).toHaveLength(8)
    expect(await look()).toMatchObject({ currentRelease: ONE, previousRelease: '' })
  })
})
