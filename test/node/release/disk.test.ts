// Disks that will not take a release: said as such in one sentence, nothing of it stays, everything else stays as it was.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configureCommand, switchCommand, verifyCommand } from '../../../src/node/index.ts'
import { openLocalNode, unfinished, type LocalNode } from '../../fleet/local-node.ts'
import { member, membersOf, receive, streamOf, treeOf } from './tree.ts'
import { nodeVariants } from './variants.ts'

const canMount =
  process.getuid?.() === 0 &&
  spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs none "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s'])
    .status === 0
if (!canMount)
  process.stderr.write('SKIPPED full and read-only disks on a node: only root can mount a small file system\n')

const small = treeOf({ main: 'small' })
const large = treeOf({ main: Buffer.alloc(600_000, 'large'), 'conf/small': 'x' })
const many = treeOf(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`file ${index}`, 'x'])))

describe.skipIf(!canMount).each(nodeVariants())('a disk of its own on a node with $name', ({ options }) => {
  let node: LocalNode

  const disk = (): string => join(node.home, '.fleet')
  const mount = (settings: string): void => {
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', settings, 'none', disk()]).status).toBe(0)
  }
  const releases = (): string[] => readdirSync(join(node.folder, 'releases')).sort()
  const switchTo = async (tree: typeof small) =>
    node.run(switchCommand(node.base, { release: tree.manifest.digest, keep: 2, claim: 'unlocked' }))

  beforeEach(() => {
    node = openLocalNode(options)
    mkdirSync(disk())
  })
  afterEach(async () => {
    expect(spawnSync('umount', [disk()]).status).toBe(0)
    await node[Symbol.asyncDispose]()
  })

  async function expectRefused(reason: string, tree = large, stdin?: Buffer): Promise<void> {
    const refused = await receive(node, tree, stdin === undefined ? {} : { stdin })
    expect(refused).toMatchObject({
      exitCode: 73,
      stderr: `${reason} ${node.folder}${reason.includes('inodes') ? ', so it takes no more files' : ''}\n`,
    })
    expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${small.manifest.digest}`)
    expect(releases()).toEqual(['.sealed', small.manifest.digest])
    expect(readFileSync(join(node.folder, 'current/main'), 'utf8')).toBe('small')
    expect(unfinished(node.folder)).toEqual([])
  }

  it('that is full while bytes arrive is named, the old release stays in use, and it heals', async () => {
    mount('size=1m')
    await receive(node, small)
    await switchTo(small)
    writeFileSync(join(disk(), 'ballast'), Buffer.alloc(500_000))
    await expectRefused('no space is left below')
    rmSync(join(disk(), 'ballast'))
    expect(await receive(node, large)).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('that is full while a file is finished is named too', async () => {
    mount('size=1m')
    await receive(node, small)
    await switchTo(small)
    const begun = join(node.folder, 'releases', `.incoming-${large.manifest.digest}`, 'tree')
    mkdirSync(begun, { recursive: true })
    writeFileSync(join(begun, 'main'), Buffer.alloc(200_000, 'large'))
    const stdin = await streamOf([
      member('plan/manifest', large.manifest.text),
      member('plan/rests', '0\tmain\t200000\n'),
      member('rest/0', Buffer.alloc(400_000, 'large')),
      member('tree/conf/small', 'x'),
    ])
    writeFileSync(join(disk(), 'ballast'), Buffer.alloc(200_000))
    await expectRefused('no space is left below', large, stdin)
  })

  it('that is full does not stop the way back to the last release', async () => {
    mount('size=1m')
    await receive(node, small)
    await switchTo(small)
    const other = treeOf({ main: 'other' })
    await receive(node, other)
    await switchTo(other)
    spawnSync('dd', ['if=/dev/zero', `of=${join(disk(), 'ballast')}`, 'bs=4096'])
    expect(await switchTo(small)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${small.manifest.digest}`)
    expect(unfinished(node.folder)).toEqual([])
  })

  it('that takes no more files is told from one that takes no more bytes', async () => {
    mount('size=10m,nr_inodes=60')
    await receive(node, small)
    await switchTo(small)
    await expectRefused('no inodes are left below', many)
  })

  it('that is read-only, or becomes so, is named', async () => {
    mount('size=1m')
    await receive(node, small)
    await switchTo(small)
    expect(spawnSync('mount', ['-o', 'remount,ro', disk()]).status).toBe(0)
    const refusal = {
      exitCode: 73,
      stderr: expect.stringMatching(/^cannot write to .*read-only file system.*\n$/) as string,
    }
    expect(await receive(node, large)).toMatchObject(refusal)
    expect(await switchTo(small)).toMatchObject(refusal)
    expect(await node.run(configureCommand(node.base, ['etc/one'], 'unlocked'), { stdin: '' })).toMatchObject({
      exitCode: 73,
    })
    expect(await node.run(verifyCommand(node.base, 'releases', small.manifest.digest, 'unlocked'))).toMatchObject(
      refusal,
    )
    expect(await node.run(verifyCommand(node.base, 'releases', small.manifest.digest, 'read-only'))).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: '',
    })
  })

  it('from which nothing can be run is found before anything is switched', async () => {
    mount('size=1m,noexec')
    expect(await receive(node, small)).toMatchObject({ exitCode: 0 })
    expect(await switchTo(small)).toMatchObject({
      exitCode: 126,
      stderr: expect.stringMatching(/^programs cannot be run below .*noexec.*\n$/) as string,
    })
    expect(existsSync(join(node.folder, 'current'))).toBe(false)
    expect(readdirSync(node.folder).filter((name) => name.startsWith('.probe'))).toEqual([])
  })

  it('on which other trees lie takes copies where links cannot be made', async () => {
    mount('size=1m')
    const other = treeOf({ main: 'small', 'conf/a': 'a', again: 'small' })
    expect(await receive(node, small)).toMatchObject({ exitCode: 0 })
    // Another file system, as when someone has moved an old release elsewhere.
    const place = join(node.folder, 'releases', small.manifest.digest)
    const away = join(node.home, 'away')
    expect(
      spawnSync('sh', ['-c', 'cp -a "$1" "$2" && chmod u+w "$1" && rm -r "$1" && ln -s "$2" "$1"', 'sh', place, away])
        .status,
    ).toBe(0)
    const from = `releases/${small.manifest.digest}`
    const stdin = await streamOf([
      ...membersOf(other, (path) => path === 'conf/a'),
      member(`plan/same/${from}`, 'main\n'),
      member('plan/moved', `${from}\tmain\tagain\t644\n`),
    ])
    expect(await receive(node, other, { stdin })).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
  })
})

// A quota needs a file system made for it, so here only its message is real: what tar says when a write gives EDQUOT.
it('a quota that is used up is told from a full disk', async () => {
  await using node = openLocalNode()
  const tar = join(node.home, 'bin', 'tar')
  writeFileSync(tar, '#!/bin/sh\necho "tar: tree/main: Cannot write: Disk quota exceeded" >&2\nexit 2\n', {
    mode: 0o755,
  })
  expect(await receive(node, small)).toMatchObject({
    exitCode: 73,
    stderr: `the disk quota of this user is used up below ${node.folder}\n`,
  })
  expect(unfinished(node.folder)).toEqual([])
})
