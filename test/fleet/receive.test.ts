// A tree that arrives on a node is there whole and verified, or not at all: under every shell and with every tar.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { receiveCommand } from '../../src/node/index.ts'
import { MANIFEST_NAME } from '../../src/fleet/release/manifest.ts'
import type { ArchiveEntry } from '../../src/fleet/release/archive.ts'
import { shellsHere } from '../node/shells.ts'
import { busyboxTools, openLocalNode, unfinished, type LocalNode } from './local-node.ts'
import { bytesOf, entriesOf, manifestOf, treeOf, type Files } from './release-tree.ts'

const FILES: Files = {
  'run.sh': '#!/bin/sh\necho ran\n',
  'conf/app.yml': 'a: 1\n',
  'conf/empty': '',
  '-rf': 'x',
  'two  spaces, $(reboot) and `date`': 'x',
  'it\'s *[a]?;"': 'x',
  'foo: OK': 'named like a verdict',
  ' leading': 'x',
  'фото/写真 01.jpg': Buffer.from([0, 255, 10]),
  [`${'d'.repeat(120)}/${'写'.repeat(60)}`]: 'long',
  'data.bin': Buffer.alloc(50_000, 'data'),
}
const EXECUTABLE = ['run.sh']
const manifest = manifestOf(FILES, EXECUTABLE)
const tree = treeOf(FILES, EXECUTABLE)
const whole = await bytesOf(tree.entries)
const command = (base: string) => receiveCommand(base, 'releases', manifest.digest)

const busybox = busyboxTools()
const variants = [
  ...shellsHere().map((shell) => ({ name: shell.name, sh: shell.path, tools: {} })),
  ...(busybox === undefined
    ? []
    : [{ name: 'busybox with all its tools', sh: join(busybox, 'sh'), tools: { tools: busybox } }]),
]

describe.each(variants)('receiving under $name', ({ sh, tools }) => {
  let node: LocalNode

  beforeEach(() => {
    node = openLocalNode({ sh, ...tools })
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  const place = (): string => join(node.folder, 'releases', manifest.digest)
  const receive = (stdin: Buffer) => node.run(command(node.base), { stdin })
  const releases = (): string[] => readdirSync(join(node.folder, 'releases'))

  function expectWhole(): void {
    for (const [path, content] of Object.entries(FILES)) {
      const file = join(place(), path)
      expect(readFileSync(file).equals(Buffer.from(content)), path).toBe(true)
      expect(statSync(file).mode & 0o222, `${path} is read-only`).toBe(0)
      expect((statSync(file).mode & 0o100) !== 0, `${path} is executable or not`).toBe(EXECUTABLE.includes(path))
    }
    expect(readFileSync(join(place(), MANIFEST_NAME), 'utf8')).toBe(manifest.text)
    expect(releases()).toEqual([manifest.digest])
  }

  it('installs hostile names and every byte, below the home that ~ means there', async () => {
    expect(await receive(whole)).toEqual({ exitCode: 0, signal: undefined, stdout: '', stderr: '' })
    expectWhole()
    expect(statSync(node.folder).mode & 0o777).toBe(0o700)
  })

  it('does nothing when the release is there, and takes what is sent all the same', async () => {
    await receive(whole)
    const before = statSync(join(place(), 'data.bin')).mtimeMs
    expect(await receive(Buffer.alloc(300_000, 'rubbish'))).toMatchObject({ exitCode: 0 })
    expect(statSync(join(place(), 'data.bin')).mtimeMs).toBe(before)
    expectWhole()
  })

  it('leaves nothing of a stream that breaks off, wherever it does, and works the next time', async () => {
    for (const length of [0, 1, 511, 512, 700, 1024, 5000, 20_000, Math.floor(whole.length / 2), whole.length - 1600]) {
      const broken = await receive(whole.subarray(0, length))
      expect(broken.exitCode, `cut after ${length} bytes: ${broken.stderr}`).toBe(74)
      expect(releases()).toEqual([])
    }
    expect(await receive(whole)).toMatchObject({ exitCode: 0 })
    expectWhole()
  })

  it('refuses a single wrong byte, in a file and in the manifest', async () => {
    for (const position of [whole.indexOf('echo ran'), whole.indexOf('datadata'), whole.indexOf(manifest.text)]) {
      const flipped = Buffer.from(whole)
      flipped[position] = (flipped[position] ?? 0) ^ 1
      expect(await receive(flipped), `byte ${position}`).toMatchObject({
        exitCode: 74,
        stderr: expect.stringMatching(/verification failed|does not match/) as string,
      })
      expect(releases()).toEqual([])
    }
  })

  it.each<[string, () => ArchiveEntry[], RegExp]>([
    ['another manifest', () => treeOf({ a: 'x' }).entries.slice(), /the manifest does not match the digest/],
    ['no manifest', () => entriesOf(FILES, EXECUTABLE), /the manifest does not match the digest/],
    ['a file too many', () => [...tree.entries, ...entriesOf({ extra: '' })], /files that its manifest does not name/],
    ['a file too few', () => tree.entries.filter((entry) => entry.path !== 'conf/empty'), /verification failed/],
    [
      'a program that cannot be executed',
      () => tree.entries.map((entry) => ({ ...entry, mode: 0o444 })),
      /not executable: run\.sh/,
    ],
  ])('refuses %s', async (_, entries, reason) => {
    const result = await receive(await bytesOf(entries()))
    expect(result).toMatchObject({ exitCode: 74, stderr: expect.stringMatching(reason) as string })
    expect(releases()).toEqual([])
  })

  it('clears away what a push that was killed has left, read-only or not', async () => {
    const left = join(node.folder, 'releases', '.incoming-dead')
    mkdirSync(join(left, 'deep'), { recursive: true })
    writeFileSync(join(left, 'deep', 'file'), 'x', { mode: 0o400 })
    expect(await receive(whole)).toMatchObject({ exitCode: 0 })
    expectWhole()
  })

  it('says that it cannot write where a file is in the way', async () => {
    mkdirSync(join(node.home, '.fleet'))
    writeFileSync(node.folder, 'in the way')
    expect(await receive(whole)).toMatchObject({
      exitCode: 73,
      stderr: expect.stringContaining(`cannot write to ${node.folder}`) as string,
    })
  })

  it('installs once when many push the same at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => receive(whole)))
    expect(results.map(({ exitCode, stderr }) => `${String(exitCode)}${stderr}`)).toEqual(
      Array.from({ length: 8 }, () => '0'),
    )
    expectWhole()
    expect(unfinished(node.folder)).toEqual([])
  })
})
