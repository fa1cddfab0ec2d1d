// A tree that arrives on a node is there whole, verified and sealed, or not at all: under every shell and with every tar.
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PackMember } from '../../../src/fleet/push/pack.ts'
import {
  inspectCommand,
  manifestCommand,
  parseInspection,
  parseVerification,
  type Inspection,
} from '../../../src/node/index.ts'
import { MANIFEST_NAME } from '../../../src/fleet/release/manifest.ts'
import { openLocalNode, unfinished, type LocalNode } from '../../fleet/local-node.ts'
import { member, membersOf, receive, streamOf, treeOf } from './tree.ts'
import { nodeVariants } from './variants.ts'

const deep = Array.from({ length: 30 }, (_, index) => `folder ${index}`).join('/')
const tree = treeOf(
  {
    'run.sh': '#!/bin/sh\necho ran\n',
    'conf/app.yml': 'a: 1\n',
    'conf/empty': '',
    '-rf': 'x',
    '--help': 'x',
    'two  spaces, $(reboot) and `date`': 'x',
    'it\'s *[a]?;"|&#': 'x',
    '*': 'x',
    'foo: OK': 'named like a verdict',
    'foo: FAILED open or read': 'named like a verdict',
    ' leading': 'x',
    'фото/写真 01.jpg': Buffer.from([0, 255, 10]),
    [`${'d'.repeat(120)}/${'写'.repeat(60)}`]: 'long',
    ['n'.repeat(255)]: '255 bytes',
    [`${deep}/file`]: 'deep',
    'data.bin': Buffer.alloc(50_000, 'data'),
  },
  {
    executable: ['run.sh'],
    links: { 'latest.yml': 'conf/app.yml', 'conf/up': '../-rf', 'a link, it\'s "here"': '*', folder: 'conf' },
  },
)
const whole = await streamOf(membersOf(tree))

describe.each(nodeVariants())('receiving under $name', ({ options }) => {
  let node: LocalNode

  beforeEach(() => {
    node = openLocalNode(options)
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  const place = (): string => join(node.folder, 'releases', tree.manifest.digest)
  const releases = (): string[] => readdirSync(join(node.folder, 'releases')).filter((name) => !name.startsWith('.'))

  async function look(): Promise<Inspection> {
    const wish = { release: tree.manifest.digest, tools: [], programs: [] }
    return parseInspection((await node.run(inspectCommand(node.base, wish))).stdout)
  }

  async function expectWhole(): Promise<void> {
    for (const [path, content] of Object.entries(tree.files)) {
      const file = join(place(), path)
      expect(readFileSync(file).equals(Buffer.from(content)), path).toBe(true)
      expect(statSync(file).mode & 0o777, path).toBe(tree.executable.includes(path) ? 0o555 : 0o444)
    }
    for (const [path, target] of Object.entries(tree.links)) expect(readlinkSync(join(place(), path))).toBe(target)
    expect(readFileSync(join(place(), MANIFEST_NAME), 'utf8')).toBe(tree.manifest.text)
    expect(statSync(place()).mode & 0o777).toBe(0o555)
    expect(releases()).toEqual([tree.manifest.digest])
    expect(unfinished(node.folder)).toEqual([])
    expect((await look()).trees.releases).toBe('sealed')
  }

  it('installs hostile names and every byte, below the home that ~ means there, and seals it', async () => {
    expect(await receive(node, tree)).toEqual({ exitCode: 0, signal: undefined, stdout: '', stderr: '' })
    await expectWhole()
    expect(statSync(node.folder).mode & 0o777).toBe(0o700)
  })

  it('tells the manifest of what it holds, and 66 of what it does not', async () => {
    await receive(node, tree)
    expect(await node.run(manifestCommand(node.base, 'releases', tree.manifest.digest))).toMatchObject({
      exitCode: 0,
      stdout: tree.manifest.text,
    })
    expect(await node.run(manifestCommand(node.base, 'kit', tree.manifest.digest))).toMatchObject({ exitCode: 66 })
  })

  it('hashes large trees with whatever is quick, and with the same result', async () => {
    expect(await receive(node, tree, { contentBytes: 1e9 })).toMatchObject({ exitCode: 0, stderr: '' })
    await expectWhole()
  })

  it.each<['gzip' | 'zstd', (bytes: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('takes it packed by %s', async (compression, pack) => {
    expect(await receive(node, tree, { compression, stdin: pack(whole) })).toMatchObject({ exitCode: 0, stderr: '' })
    await expectWhole()
    const cut = pack(whole).subarray(0, -20)
    const other = treeOf({ other: 'x' })
    expect((await receive(node, other, { compression, stdin: cut })).exitCode).toBe(74)
  })

  it('does nothing when the release is there, and takes what is sent all the same', async () => {
    await receive(node, tree)
    const before = statSync(join(place(), 'data.bin')).mtimeMs
    expect(await receive(node, tree, { stdin: Buffer.alloc(300_000, 'rubbish') })).toMatchObject({ exitCode: 0 })
    expect(statSync(join(place(), 'data.bin')).mtimeMs).toBe(before)
    await expectWhole()
  })

  it('goes on from a stream that breaks off, wherever it does', async () => {
    const lengths = [0, 1, 511, 512, 1500, 5000, 20_000, Math.floor(whole.length / 2), whole.length - 3000]
    for (const length of lengths) {
      const broken = await receive(node, tree, { stdin: whole.subarray(0, length) })
      expect(broken, `cut after ${length} bytes`).toMatchObject({ exitCode: 74 })
      expect(broken.stderr.trim().split('\n')).toHaveLength(1)
      expect(releases()).toEqual([])
    }
    const { staged, trees } = await look()
    expect(trees.releases).toBe('absent')
    const there = [...staged.releases].filter(([path, size]) => size === Buffer.byteLength(tree.files[path] ?? ''))
    expect(there.length).toBeGreaterThan(10)
    const rest = membersOf(tree, (path) => !there.some(([name]) => name === path))
    expect(await receive(node, tree, { stdin: await streamOf(rest) })).toMatchObject({ exitCode: 0, stderr: '' })
    await expectWhole()
  })

  it.each([
    ['in a file', 'echo ran', 'run.sh', 0],
    ['in a large file', 'datadata', 'data.bin', 1e9],
    ['in the manifest', tree.manifest.text, MANIFEST_NAME, 0],
  ])('refuses a single wrong bit %s and names it', async (_, mark, path, contentBytes) => {
    const position = whole.indexOf(mark)
    const flipped = Buffer.from(whole)
    flipped[position] = (flipped[position] ?? 0) ^ 1
    const refused = await receive(node, tree, { stdin: flipped, contentBytes })
    expect(refused).toMatchObject({
      exitCode: 74,
      stderr: expect.stringMatching(
        /^(verification failed: .*|the manifest does not match the digest .*)\n$/,
      ) as string,
    })
    expect(parseVerification(refused.stdout)).toEqual({ bad: [path], extra: [] })
    expect(releases()).toEqual([])
    // What was bad is gone, what was good stays: only that has to come again.
    expect((await look()).staged.releases.has(path)).toBe(false)
    const again = await streamOf(membersOf(tree, (name) => name === path || name in tree.links))
    expect(await receive(node, tree, { stdin: again })).toMatchObject({ exitCode: 0 })
  })

  it.each<[string, () => PackMember[], string]>([
    ['another manifest', () => membersOf(treeOf({ a: 'x' })), MANIFEST_NAME],
    ['no manifest', () => membersOf(tree).slice(1), MANIFEST_NAME],
    ['a file too few', () => membersOf(tree, (path) => path !== 'conf/empty'), 'conf/empty'],
    ['a link too few', () => membersOf(tree, (path) => path !== 'folder'), 'folder'],
    [
      'a program that cannot be executed',
      () => membersOf(tree).map((entry) => ('mode' in entry ? { ...entry, mode: 0o444 } : entry)),
      'run.sh',
    ],
    [
      'a link where a file should be',
      () => [...membersOf(tree, (path) => path !== '-rf'), { path: 'tree/-rf', linkTo: 'conf/app.yml' }],
      '-rf',
    ],
    [
      'a link to somewhere else',
      () => [...membersOf(tree, (path) => path !== 'conf/up'), { path: 'tree/conf/up', linkTo: '/etc/passwd' }],
      'conf/up',
    ],
    [
      'a folder where a file should be',
      () => [...membersOf(tree, (path) => path !== '*'), member('tree/*/x', 'x')],
      '*',
    ],
  ])('refuses %s', async (_, members, path) => {
    const refused = await receive(node, tree, { stdin: await streamOf(members()) })
    expect(refused).toMatchObject({ exitCode: 74 })
    expect(parseVerification(refused.stdout).bad).toEqual([path])
    expect(releases()).toEqual([])
  })

  it('drops files that the manifest does not name', async () => {
    const stdin = await streamOf([...membersOf(tree), member('tree/extra', ''), member('tree/new/deep/er', 'x')])
    expect(await receive(node, tree, { stdin })).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
    await expectWhole()
    expect(readdirSync(place())).not.toContain('new')
  })

  it('clears away what a push of another release has left, read-only or not', async () => {
    for (const name of ['.incoming-dead', '.removed-dead']) {
      const left = join(node.folder, 'releases', name)
      mkdirSync(join(left, 'deep'), { recursive: true })
      writeFileSync(join(left, 'deep', 'file'), 'x', { mode: 0o400 })
    }
    expect(await receive(node, tree)).toMatchObject({ exitCode: 0 })
    expect(readdirSync(join(node.folder, 'releases')).sort()).toEqual(['.sealed', tree.manifest.digest])
  })

  it('says that it cannot write where a file is in the way', async () => {
    mkdirSync(join(node.home, '.fleet'))
    writeFileSync(node.folder, 'in the way')
    expect(await receive(node, tree)).toMatchObject({
      exitCode: 73,
      stderr: expect.stringContaining(`cannot write to ${node.folder}`) as string,
    })
  })

  it('installs once when many push the same at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => receive(node, tree)))
    expect(results.map(({ exitCode, stderr }) => `${String(exitCode)}${stderr}`)).toEqual(
      Array.from({ length: 8 }, () => '0'),
    )
    await expectWhole()
  })

  it.each([
    ['a tree of few files', 3, 0],
    ['a tree of as many as the shell itself compares', 31, 0],
    ['a tree of more', 32, 0],
    ['few files for a quick program', 3, 1e9],
    ['many files for a quick program', 200, 1e9],
  ])('verifies %s to the last byte, name, mode and link', async (_, count, contentBytes) => {
    const names = Array.from({ length: count }, (_file, index) => `d ${index % 3}/e/${index}`)
    const files = Object.fromEntries(names.map((name) => [name, `content of ${name}`]))
    const made = treeOf(files, { executable: ['d 1/e/1'], links: { link: 'd 0/e/0' } })
    const members = membersOf(made)
    const stdin = await streamOf(members)
    const flipped = Buffer.from(stdin)
    flipped[stdin.indexOf('content of d 2/e/2')] = 0
    const tried: [Buffer, string[]][] = [
      [flipped, ['d 2/e/2']],
      [await streamOf(members.filter(({ path }) => path !== 'tree/link')), ['link']],
      [await streamOf(members.map((entry) => ('mode' in entry ? { ...entry, mode: 0o444 } : entry))), ['d 1/e/1']],
      [await streamOf([...members, { path: 'tree/link', linkTo: 'd 0/e/0\tx' }]), ['link']],
    ]
    for (const [stream, bad] of tried) {
      const refused = await receive(node, made, { stdin: stream, contentBytes })
      expect(refused, bad.join()).toMatchObject({ exitCode: 74 })
      expect(parseVerification(refused.stdout).bad).toEqual(bad)
      expect(releases()).toEqual([])
    }
    // Names that look like another line of a listing.
    const odd = [
      member('tree/.fleet-manifest\tf 444 1\t\tx', 'x'),
      member('tree/d 0/e/0\tf 444 1\t\tx', 'x'),
      member('tree/x\n.', 'x'),
    ]
    const whole = await receive(node, made, { stdin: await streamOf([...members, ...odd]), contentBytes })
    expect(whole).toEqual({ exitCode: 0, signal: undefined, stdout: '', stderr: '' })
    const place = join(node.folder, 'releases', made.manifest.digest)
    expect(readdirSync(place).sort()).toEqual(['.fleet-manifest', 'd 0', 'd 1', 'd 2', 'link'])
    expect(readdirSync(join(place, 'd 0/e'))).not.toContain('0\tf 444 1\t\tx')
    for (const folder of ['', 'd 0', 'd 0/e']) expect(statSync(join(place, folder)).mode & 0o777).toBe(0o555)
    const found = await node.run(inspectCommand(node.base, { release: made.manifest.digest, tools: [], programs: [] }))
    expect(parseInspection(found.stdout).trees.releases).toBe('sealed')
  })

  it('installs a tree whose files are all empty', async () => {
    const empty = treeOf({ a: '', 'b/c': '' })
    expect(await receive(node, empty, { contentBytes: 1e9 })).toMatchObject({ exitCode: 0, stderr: '' })
  })
})
