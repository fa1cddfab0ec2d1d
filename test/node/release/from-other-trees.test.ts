// What a node has already is linked or copied there, and what was begun is gone on with; a file that is shared is never changed.
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PackMember } from '../../../src/fleet/push/pack.ts'
import { parseVerification } from '../../../src/node/index.ts'
import { openLocalNode, type LocalNode } from '../../fleet/local-node.ts'
import { member, membersOf, receive, streamOf, treeOf } from './tree.ts'
import { nodeVariants } from './variants.ts'

const shared = {
  'lib/one': 'same 1',
  'lib/two words': 'same 2',
  "it's/*": 'same 3',
  main: '#!/bin/sh\n',
  'to/be moved': 'm',
}
const first = treeOf({ ...shared, changed: 'old', tool: 'x' }, { executable: ['main', 'tool'] })
const second = treeOf(
  { ...shared, changed: 'new', 'moved here': 'm', 'all/lib/one': 'same 1', 'all/lib/two words': 'same 2', tool: 'x' },
  { executable: ['main'] },
)
const from = `releases/${first.manifest.digest}`
const PLAN: readonly PackMember[] = [
  member('plan/manifest', second.manifest.text),
  member(
    `plan/same/${from}`,
    Object.keys(shared)
      .map((path) => `${path}\n`)
      .join(''),
  ),
  member(
    'plan/moved',
    [
      `${from}\tto/be moved\tmoved here\t644\n`,
      `${from}\tlib/one\tall/lib/one\t644\n`,
      `${from}\tlib/two words\tall/lib/two words\t644\n`,
      `${from}\ttool\ttool\t644\n`,
    ].join(''),
  ),
  member('tree/changed', 'new'),
]

describe.each(nodeVariants())('under $name', ({ options }) => {
  let node: LocalNode

  beforeEach(async () => {
    node = openLocalNode(options)
    expect(await receive(node, first)).toMatchObject({ exitCode: 0 })
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  const old = (path: string): string => join(node.folder, from, path)
  const place = (path: string): string => join(node.folder, 'releases', second.manifest.digest, path)
  const staging = (path: string): string => join(node.folder, 'releases', `.incoming-${second.manifest.digest}`, path)

  it('links files of another release, copies those whose mode differs, and changes none of them', async () => {
    expect(await receive(node, second, { stdin: await streamOf(PLAN) })).toEqual({
      exitCode: 0,
      signal: undefined,
      stdout: '',
      stderr: '',
    })
    for (const [path, content] of Object.entries(second.files)) expect(readFileSync(place(path), 'utf8')).toBe(content)
    for (const path of Object.keys(shared)) expect(statSync(place(path)).ino, path).toBe(statSync(old(path)).ino)
    expect(statSync(place('all/lib/one')).ino).toBe(statSync(old('lib/one')).ino)
    expect(statSync(place('moved here')).ino).toBe(statSync(old('to/be moved')).ino)
    expect(statSync(place('tool')).mode & 0o777).toBe(0o444)
    expect(statSync(old('tool')).mode & 0o777).toBe(0o555)
  })

  it('asks for what another release does not have as its manifest says', async () => {
    chmodSync(old('lib'), 0o700)
    chmodSync(old('lib/one'), 0o600)
    writeFileSync(old('lib/one'), 'damaged')
    const refused = await receive(node, second, { stdin: await streamOf(PLAN) })
    expect(refused).toMatchObject({ exitCode: 74 })
    expect(parseVerification(refused.stdout).bad.toSorted()).toEqual(['all/lib/one', 'lib/one'])
    // Not repaired, not made read-only, not removed: it is somebody else's.
    expect(readFileSync(old('lib/one'), 'utf8')).toBe('damaged')
    expect(statSync(old('lib/one')).mode & 0o777).toBe(0o600)
    const rest = membersOf(second, (path) => path.endsWith('lib/one'))
    expect(await receive(node, second, { stdin: await streamOf(rest) })).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readFileSync(old('lib/one'), 'utf8')).toBe('damaged')
  })

  it('follows no link that lies where another release had a file', async () => {
    const secret = join(node.home, 'secret')
    writeFileSync(secret, 'same 1', { mode: 0o600 })
    chmodSync(old('lib'), 0o700)
    await node.run({ name: 'test', script: 'rm -f "$1" && ln -s "$2" "$1"', args: [old('lib/one'), secret] })
    expect(await receive(node, second, { stdin: await streamOf(PLAN) })).toMatchObject({ exitCode: 74 })
    expect(statSync(secret)).toMatchObject({ nlink: 1, size: 6 })
    expect(statSync(secret).mode & 0o777).toBe(0o600)
  })

  it('puts the rest of a file behind its beginning, and cuts what is too much first', async () => {
    const large = treeOf({ '-a file, "quoted"': 'beginning and end', tool: 'begin and end' }, { executable: ['tool'] })
    const begun = join(node.folder, 'releases', `.incoming-${large.manifest.digest}`, 'tree')
    mkdirSync(begun, { recursive: true })
    writeFileSync(join(begun, '-a file, "quoted"'), 'beginning and something else', { mode: 0o400 })
    writeFileSync(join(begun, 'tool'), 'begin', { mode: 0o500 })
    const stdin = await streamOf([
      member('plan/manifest', large.manifest.text),
      member('plan/rests', '0\t-a file, "quoted"\t9\n1\ttool\t5\n'),
      member('rest/0', ' and end'),
      member('rest/1', ' and end'),
    ])
    expect(await receive(node, large, { stdin })).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
  })

  it('does not put a rest behind a file that others share, nor through a link', async () => {
    const large = treeOf({ one: 'same 1 and more', two: 'outside and more' })
    const begun = join(node.folder, 'releases', `.incoming-${large.manifest.digest}`, 'tree')
    const outside = join(node.home, 'outside')
    writeFileSync(outside, 'outside')
    mkdirSync(begun, { recursive: true })
    linkSync(old('lib/one'), join(begun, 'one'))
    symlinkSync(outside, join(begun, 'two'))
    const stdin = await streamOf([
      member('plan/manifest', large.manifest.text),
      member('plan/rests', '0\tone\t6\n1\ttwo\t7\n'),
      member('rest/0', ' and more'),
      member('rest/1', ' and more'),
    ])
    const refused = await receive(node, large, { stdin })
    expect(refused).toMatchObject({ exitCode: 74 })
    expect(parseVerification(refused.stdout).bad).toEqual(['one', 'two'])
    expect(readFileSync(old('lib/one'), 'utf8')).toBe('same 1')
    expect(readFileSync(outside, 'utf8')).toBe('outside')
  })

  it('never writes out of a staging folder that somebody has prepared', async () => {
    const outside = join(node.home, 'outside')
    mkdirSync(outside)
    mkdirSync(staging('tree/all'), { recursive: true })
    mkdirSync(staging('tree/shut/deep'), { recursive: true })
    writeFileSync(staging('tree/shut/deep/file'), 'x')
    chmodSync(staging('tree/shut'), 0o000)
    for (const link of ['plan', 'rest', 'probe', 'work.list', 'tree/lib', 'tree/all/lib', 'tree/changed'])
      symlinkSync(outside, staging(link))
    await node.run({ name: 'test', script: 'mkfifo "$1"', args: [staging('tree/moved here')] })
    expect(await receive(node, second, { stdin: await streamOf(PLAN) })).toMatchObject({ exitCode: 0, stderr: '' })
    expect((await node.run({ name: 'test', script: 'find "$1" -mindepth 1', args: [outside] })).stdout).toBe('')
    expect(existsSync(place('shut'))).toBe(false)
  })

  it('does not use a staging folder that is a link', async () => {
    const outside = join(node.home, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'kept'), 'x')
    symlinkSync(outside, staging('.'))
    expect(await receive(node, second, { stdin: await streamOf(PLAN) })).toMatchObject({ exitCode: 0, stderr: '' })
    expect((await node.run({ name: 'test', script: 'ls -A "$1"', args: [outside] })).stdout).toBe('kept\n')
  })
})
