// Switching a release and replacing settings: whoever looks sees the old or the new, never something between.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseDigest } from '../../src/core/index.ts'
import { activateCommand, configureCommand, inspectCommand, parseInspection } from '../../src/node/index.ts'
import { shellsHere } from '../node/shells.ts'
import { openLocalNode, unfinished, type LocalNode } from './local-node.ts'
import { bytesOf, entriesOf, type Files } from './release-tree.ts'

const ONE = parseDigest('11'.repeat(32))
const TWO = parseDigest('22'.repeat(32))
const ABSENT = parseDigest('33'.repeat(32))

const isRoot = process.getuid?.() === 0
if (isRoot) process.stderr.write('SKIPPED a read-only folder on a node: root may write everywhere\n')

describe.each(shellsHere())('under $name', ({ path }) => {
  let node: LocalNode

  beforeEach(() => {
    node = openLocalNode({ sh: path })
    for (const digest of [ONE, TWO]) {
      mkdirSync(join(node.folder, 'releases', digest), { recursive: true })
      mkdirSync(join(node.folder, 'kit', digest), { recursive: true })
    }
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  const configure = async (files: Files, paths = Object.keys(files), cut?: number) =>
    node.run(configureCommand(node.base, paths), { stdin: (await bytesOf(entriesOf(files))).subarray(0, cut) })

  describe('activate', () => {
    it('points to the release and the kit, relative, so that the folder may be moved', async () => {
      expect(await node.run(activateCommand(node.base, { release: ONE, kit: TWO }))).toMatchObject({
        exitCode: 0,
        stderr: '',
      })
      expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${ONE}`)
      expect(readlinkSync(join(node.folder, 'kit/current'))).toBe(TWO)
    })

    it('refuses what is not there and leaves everything as it was', async () => {
      await node.run(activateCommand(node.base, { release: ONE, kit: ONE }))
      expect(await node.run(activateCommand(node.base, { release: ABSENT }))).toMatchObject({
        exitCode: 66,
        stderr: expect.stringContaining(ABSENT) as string,
      })
      expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${ONE}`)
    })

    it('keeps the release that was there before, for a way back', async () => {
      await node.run(activateCommand(node.base, { release: ONE }))
      await node.run(activateCommand(node.base, { release: TWO }))
      expect(existsSync(join(node.folder, 'releases', ONE))).toBe(true)
    })

    it('lets whoever reads current find a release at every moment of 20 switches from two sides', async () => {
      await node.run(activateCommand(node.base, { release: ONE }))
      const state = { isDone: false, looks: 0 }
      const reader = (async () => {
        for (; !state.isDone; state.looks += 1) {
          expect([ONE, TWO]).toContain(readlinkSync(join(node.folder, 'current')).slice('releases/'.length))
          expect(statSync(join(node.folder, 'current')).isDirectory()).toBe(true)
          await turn()
        }
      })()
      const operator = async (first: number): Promise<void> => {
        for (let round = 0; round < 10; round += 1) {
          expect(
            await node.run(activateCommand(node.base, { release: (first + round) % 2 === 0 ? ONE : TWO })),
          ).toMatchObject({ exitCode: 0 })
        }
      }
      await Promise.all([operator(0), operator(1)])
      state.isDone = true
      await reader
      expect(state.looks).toBeGreaterThan(20)
      expect(unfinished(node.folder)).toEqual([])
    })
  })

  describe('configure', () => {
    it('puts files in place, private, in a private folder', async () => {
      expect(await configure({ 'etc/settings': "job='photos'\n", 'etc/token': 'secret\n' })).toMatchObject({
        exitCode: 0,
        stderr: '',
      })
      expect(readFileSync(join(node.folder, 'etc/token'), 'utf8')).toBe('secret\n')
      for (const [name, mode] of Object.entries({ 'etc/token': 0o600, 'etc/settings': 0o600, etc: 0o700, '': 0o700 })) {
        expect(statSync(join(node.folder, name)).mode & 0o777, name).toBe(mode)
      }
    })

    it('changes nothing when the stream breaks off, wherever it does', async () => {
      await configure({ 'etc/one': 'old', 'etc/two': 'old' })
      const files = { 'etc/one': 'n'.repeat(600), 'etc/two': 'n'.repeat(600) }
      for (const cut of [0, 100, 512, 700, 1536, 1700, 2048, 2500]) {
        expect(await configure(files, undefined, cut), `cut after ${cut} bytes`).toMatchObject({ exitCode: 74 })
        expect(readFileSync(join(node.folder, 'etc/one'), 'utf8')).toBe('old')
        expect(readFileSync(join(node.folder, 'etc/two'), 'utf8')).toBe('old')
      }
      expect(unfinished(node.folder)).toEqual([])
    })

    it('gives each of two operators at once a set of their own', async () => {
      const set = (mark: string): Files => ({ 'etc/one': mark, 'etc/two': mark, 'etc/three': mark })
      const results = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((mark) => configure(set(mark))))
      expect(results.map((result) => result.exitCode)).toEqual([0, 0, 0, 0, 0, 0])
      const marks = ['one', 'two', 'three'].map((name) => readFileSync(join(node.folder, 'etc', name), 'utf8'))
      expect(new Set(marks).size).toBe(1)
      expect(readdirSync(join(node.folder, 'etc')).sort()).toEqual(['one', 'three', 'two'])
    })
  })

  describe('inspect', () => {
    it('tells what is there, what is current, what is missing, and changes nothing', async () => {
      await node.run(activateCommand(node.base, { release: ONE, kit: TWO }))
      const look = async (release: typeof ONE) =>
        parseInspection(
          (await node.run(inspectCommand(node.base, { release, kit: TWO }, ['tar', 'no-such-tool', 'cat']))).stdout,
        )
      const expected = {
        base: node.folder,
        hasKit: true,
        currentRelease: ONE,
        currentKit: TWO,
        missingTools: ['no-such-tool'],
      }
      expect(await look(TWO)).toMatchObject({ ...expected, hasRelease: true })
      expect(await look(ABSENT)).toMatchObject({ ...expected, hasRelease: false })
    })

    it('finds nothing where nothing is, and makes nothing', async () => {
      const base = join(node.home, 'elsewhere')
      const { stdout } = await node.run(inspectCommand(base, { kit: ONE }, []))
      expect(parseInspection(stdout)).toEqual({
        base,
        hasRelease: false,
        hasKit: false,
        currentRelease: '',
        currentKit: '',
        missingTools: [],
        controlAddress: '',
      })
      expect(existsSync(base)).toBe(false)
    })
  })

  it.skipIf(isRoot)('says that a folder is read-only', async () => {
    chmodSync(node.folder, 0o500)
    expect(await configure({ 'etc/one': 'x' })).toMatchObject({
      exitCode: 73,
      stderr: expect.stringContaining('cannot write') as string,
    })
  })
})

describe('parseInspection', () => {
  const own =
    'fleet-inspect base=/home/u/.fleet/photos\nfleet-inspect has-release=yes\nfleet-inspect missing= curl tar\nfleet-inspect control=10.0.0.9\n'

  it('ignores whatever a login shell prints before and after', () => {
    const noise =
      'Welcome!\r\nLast login: base=/evil\n  fleet-inspect base=/indented\nxfleet-inspect has-kit=yes\n\u001b[1mmotd\u001b[0m'
    expect(parseInspection(`${noise}\n${own}goodbye\nhas-kit=yes\n`)).toEqual({
      base: '/home/u/.fleet/photos',
      hasRelease: true,
      hasKit: false,
      currentRelease: '',
      currentKit: '',
      missingTools: ['curl', 'tar'],
      controlAddress: '10.0.0.9',
    })
  })

  it('makes nothing of an empty answer', () => {
    expect(parseInspection('')).toMatchObject({ hasRelease: false, hasKit: false, missingTools: [] })
  })
})
