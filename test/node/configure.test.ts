// Replacing settings on a node: whoever looks sees the old set or the new one, never something between.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configureCommand, takeLockCommand, type Claim } from '../../src/node/index.ts'
import { openLocalNode, unfinished, type LocalNode } from '../fleet/local-node.ts'
import { member, streamOf, type Files } from './release/tree.ts'
import { shellsHere } from './shells.ts'

const isRoot = process.getuid?.() === 0
if (isRoot) process.stderr.write('SKIPPED a read-only folder on a node: root may write everywhere\n')

describe.each(shellsHere())('configure under $name', ({ path }) => {
  let node: LocalNode

  beforeEach(() => {
    node = openLocalNode({ sh: path })
    mkdirSync(node.folder, { recursive: true })
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  const configure = async (files: Files, cut?: number, claim: Claim = 'unlocked') => {
    const stdin = await streamOf(Object.entries(files).map(([name, content]) => member(name, content)))
    return node.run(configureCommand(node.base, Object.keys(files), claim), { stdin: stdin.subarray(0, cut) })
  }

  it('puts files in place, private, in a private folder', async () => {
    expect(await configure({ 'etc/settings': "job='photos'\n", 'etc/token': 'secret\n' })).toMatchObject({
      exitCode: 0,
      stderr: '',
    })
    expect(readFileSync(join(node.folder, 'etc/token'), 'utf8')).toBe('secret\n')
    for (const [name, mode] of Object.entries({ 'etc/token': 0o600, 'etc/settings': 0o600, etc: 0o700, '': 0o700 }))
      expect(statSync(join(node.folder, name)).mode & 0o777, name).toBe(mode)
    expect(unfinished(node.folder)).toEqual([])
  })

  it('changes nothing when the stream breaks off, wherever it does', async () => {
    await configure({ 'etc/one': 'old', 'etc/two': 'old' })
    const files = { 'etc/one': 'n'.repeat(600), 'etc/two': 'n'.repeat(600) }
    for (const cut of [0, 100, 512, 700, 1536, 1700, 2048, 2500]) {
      expect(await configure(files, cut), `cut after ${cut} bytes`).toMatchObject({ exitCode: 74 })
      expect(readFileSync(join(node.folder, 'etc/one'), 'utf8')).toBe('old')
      expect(readFileSync(join(node.folder, 'etc/two'), 'utf8')).toBe('old')
    }
    expect(unfinished(node.folder)).toEqual([])
  })

  it('gives each of several operators at once a set of their own', async () => {
    const set = (mark: string): Files => ({ 'etc/one': mark, 'etc/two': mark, 'etc/three': mark })
    const results = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((mark) => configure(set(mark))))
    expect(results.map((result) => result.exitCode)).toEqual([0, 0, 0, 0, 0, 0])
    const marks = ['one', 'two', 'three'].map((name) => readFileSync(join(node.folder, 'etc', name), 'utf8'))
    expect(new Set(marks).size).toBe(1)
    expect(readdirSync(join(node.folder, 'etc')).sort()).toEqual(['one', 'three', 'two'])
  })

  it('refuses an operator whose lock is gone, and changes nothing', async () => {
    const taker = { who: 'ann', host: 'laptop', command: 'fleet start', since: '', process: '' }
    await node.run(takeLockCommand(node.base, { ...taker, token: 'hers', ttlMs: 60_000, createFolder: true }))
    expect(await configure({ 'etc/one': 'x' }, undefined, { epoch: 1, token: 'hers' })).toMatchObject({ exitCode: 0 })
    expect(await configure({ 'etc/one': 'y' }, undefined, { epoch: 1, token: 'his' })).toMatchObject({ exitCode: 77 })
    expect(readFileSync(join(node.folder, 'etc/one'), 'utf8')).toBe('x')
    expect(unfinished(node.folder)).toEqual([])
  })

  it.skipIf(isRoot)('says that a folder is read-only', async () => {
    chmodSync(node.folder, 0o500)
    expect(await configure({ 'etc/one': 'x' })).toMatchObject({
      exitCode: 73,
      stderr: expect.stringContaining('cannot write') as string,
    })
  })
})
