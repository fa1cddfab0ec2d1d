// A release that was tampered with is noticed by a look, found out by hashing, and mended without disturbing who uses it.
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  inspectCommand,
  parseInspection,
  parseVerification,
  verifyCommand,
  type TreeState,
} from '../../../src/node/index.ts'
import { openLocalNode, unfinished, type LocalNode } from '../../fleet/local-node.ts'
import { member, membersOf, receive, streamOf, treeOf } from './tree.ts'
import { nodeVariants } from './variants.ts'

const tree = treeOf(
  { main: '#!/bin/sh\necho main\n', 'conf/app.yml': 'a: 1\n', 'conf/-b*': 'b', 'data.bin': Buffer.alloc(9000, 'data') },
  { executable: ['main'], links: { 'latest.yml': 'conf/app.yml', folder: 'conf' } },
)
const { digest } = tree.manifest

describe.each(nodeVariants())('under $name', ({ options }) => {
  let node: LocalNode

  beforeEach(async () => {
    node = openLocalNode(options)
    expect(await receive(node, tree)).toMatchObject({ exitCode: 0 })
    for (const folder of ['', 'conf']) chmodSync(place(folder), 0o755)
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  const place = (path: string): string => join(node.folder, 'releases', digest, path)
  const verify = async (claim: 'unlocked' | 'read-only' = 'unlocked') =>
    node.run(verifyCommand(node.base, 'releases', digest, claim))

  async function state(): Promise<TreeState> {
    const { stdout } = await node.run(inspectCommand(node.base, { release: digest, tools: [], programs: [] }))
    return parseInspection(stdout).trees.releases
  }

  function overwrite(path: string, content: string): void {
    const { mtime } = statSync(place(path))
    chmodSync(place(path), 0o600)
    writeFileSync(place(path), content)
    utimesSync(place(path), mtime, mtime)
    chmodSync(place(path), 0o444)
  }

  const DAMAGES: readonly [string, () => void, { bad?: readonly string[]; extra?: readonly string[] }][] = [
    [
      'another size',
      () => {
        overwrite('conf/app.yml', 'a: 12\n')
      },
      { bad: ['conf/app.yml'] },
    ],
    [
      'another time',
      () => {
        utimesSync(place('data.bin'), 1, 1)
      },
      {},
    ],
    [
      'another mode',
      () => {
        chmodSync(place('main'), 0o444)
      },
      { bad: ['main'] },
    ],
    [
      'a file that may be written',
      () => {
        chmodSync(place('data.bin'), 0o644)
      },
      { bad: ['data.bin'] },
    ],
    [
      'another inode',
      () => {
        const { mtime } = statSync(place('data.bin'))
        copyFileSync(place('data.bin'), place('copy'))
        utimesSync(place('copy'), mtime, mtime)
        renameSync(place('copy'), place('data.bin'))
      },
      {},
    ],
    [
      'a file added',
      () => {
        writeFileSync(place('conf/new'), '')
      },
      { extra: ['conf/new'] },
    ],
    [
      'a file removed',
      () => {
        rmSync(place('conf/-b*'))
      },
      { bad: ['conf/-b*'] },
    ],
    [
      'a link added',
      () => {
        symlinkSync('/', place('root'))
      },
      { extra: ['root'] },
    ],
    [
      'another target',
      () => {
        rmSync(place('latest.yml'))
        symlinkSync('conf/-b*', place('latest.yml'))
      },
      { bad: ['latest.yml'] },
    ],
    [
      'a link where a file was, to the same bytes',
      () => {
        renameSync(place('main'), join(node.home, 'main'))
        symlinkSync(join(node.home, 'main'), place('main'))
      },
      { bad: ['main'] },
    ],
    [
      'a folder where a file was',
      () => {
        rmSync(place('main'))
        mkdirSync(place('main'))
        writeFileSync(place('main/x'), '')
      },
      { bad: ['main'], extra: ['main/x'] },
    ],
    [
      'a file where a folder was',
      () => {
        rmSync(place('conf'), { recursive: true })
        writeFileSync(place('conf'), '')
      },
      { bad: ['conf/-b*', 'conf/app.yml'], extra: ['conf'] },
    ],
    [
      'no manifest',
      () => {
        rmSync(place('.fleet-manifest'))
      },
      { bad: ['.fleet-manifest'] },
    ],
    [
      'everything at once',
      () => {
        overwrite('main', 'x')
        rmSync(place('conf'), { recursive: true })
        rmSync(place('latest.yml'))
        writeFileSync(place('.hidden'), '')
      },
      { bad: ['conf/-b*', 'conf/app.yml', 'latest.yml', 'main'], extra: ['.hidden'] },
    ],
  ]

  it.each(DAMAGES)('notices, explains and mends %s', async (_, damage, { bad = [], extra = [] }) => {
    expect(await state()).toBe('sealed')
    damage()
    expect(await state()).toBe('changed')
    const found = await verify()
    expect(found).toMatchObject({ exitCode: 0, stderr: '' })
    expect(parseVerification(found.stdout)).toEqual({ bad, extra })
    if (bad.length + extra.length === 0) {
      expect(await state()).toBe('sealed')
      return
    }
    expect(await state()).toBe('changed')
    const stdin = await streamOf(membersOf(tree, (path) => bad.includes(path)))
    expect(await receive(node, tree, { how: 'mend', stdin })).toEqual({
      exitCode: 0,
      signal: undefined,
      stdout: '',
      stderr: '',
    })
    expect(await state()).toBe('sealed')
    expect((await verify()).stdout).toBe('')
    expect(readFileSync(place('main'), 'utf8')).toBe(tree.files['main'])
    expect(statSync(place('conf')).mode & 0o777).toBe(0o555)
    expect(unfinished(node.folder)).toEqual([])
  })

  it('finds a bit that flipped behind the back of everyone, and trusts the tree no more', async () => {
    const write = 'printf X | dd of="$1" bs=1 seek=5000 conv=notrunc 2>/dev/null'
    const flip = `touch -r "$1" "$2"; chmod u+w "$1"; ${write}; chmod a-w "$1"; touch -r "$2" "$1"`
    await node.run({ name: 'test', script: flip, args: [place('data.bin'), join(node.home, 'time')] })
    expect(await state()).toBe('sealed')
    expect(parseVerification((await verify()).stdout)).toEqual({ bad: ['data.bin'], extra: [] })
    expect(await state()).toBe('changed')
    expect(parseVerification((await verify('read-only')).stdout)).toEqual({ bad: ['data.bin'], extra: [] })
  })

  it('writes nothing when it may only read', async () => {
    utimesSync(place('data.bin'), 1, 1)
    expect(await verify('read-only')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
    expect(await state()).toBe('changed')
    expect(readdirSync(join(node.folder, 'releases/.sealed'))).toEqual([digest])
  })

  it('says 66 of a tree that is not there', async () => {
    expect(await node.run(verifyCommand(node.base, 'kit', digest, 'unlocked'))).toMatchObject({ exitCode: 66 })
  })

  it('lets whoever has a file open keep it while it is mended', async () => {
    const open = openSync(place('conf/app.yml'), 'r')
    overwrite('conf/app.yml', 'a: 12\n')
    const stdin = await streamOf(membersOf(tree, (path) => path === 'conf/app.yml'))
    expect(await receive(node, tree, { how: 'mend', stdin })).toMatchObject({ exitCode: 0 })
    const read = Buffer.alloc(20)
    expect(read.toString('utf8', 0, readSync(open, read, 0, 20, 0))).toBe('a: 12\n')
    closeSync(open)
    expect(readFileSync(place('conf/app.yml'), 'utf8')).toBe('a: 1\n')
  })

  it('puts nothing in place that is not as the manifest says, and asks for the rest', async () => {
    overwrite('main', 'x')
    overwrite('conf/app.yml', 'y')
    const stdin = await streamOf([
      ...membersOf(tree, (path) => path === 'main'),
      member('tree/conf/app.yml', 'a: 2\n'),
      member('tree/data.bin', 'not this'),
      member('tree/extra', 'x'),
    ])
    const partly = await receive(node, tree, { how: 'mend', stdin })
    expect(partly).toMatchObject({
      exitCode: 74,
      stderr: expect.stringContaining('verification failed: conf/app.yml') as string,
    })
    expect(parseVerification(partly.stdout).bad).toEqual(['conf/app.yml'])
    expect(readFileSync(place('conf/app.yml'), 'utf8')).toBe('y')
    expect(existsSync(place('extra'))).toBe(false)
    expect(await state()).toBe('changed')
    appendFileSync(join(node.home, 'other'), 'x')
    const rest = await streamOf(membersOf(tree, (path) => path === 'conf/app.yml'))
    expect(await receive(node, tree, { how: 'mend', stdin: rest })).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await state()).toBe('sealed')
  })
})
