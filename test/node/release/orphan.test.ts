// A push whose connection vanished without a word still waits for bytes, for hours, with the node's lock in its hands. The
// next push of an operator ends it, and only it.
import { spawn } from 'node:child_process'
import { readFileSync, existsSync, mkdirSync, openSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  commandLine,
  receiveCommand,
  switchCommand,
  takeLockCommand,
  verifyCommand,
  type Claim,
} from '../../../src/node/index.ts'
import { openLocalNode, type LocalNode } from '../../fleet/local-node.ts'
import { until } from '../job-on-disk.ts'
import { membersOf, receive, streamOf, treeOf } from './tree.ts'
import { nodeVariants } from './variants.ts'

const tree = treeOf({ main: Buffer.alloc(200_000, 'main'), other: 'x' })
const stream = await streamOf(membersOf(tree))
const claim: Claim = { epoch: 1, token: 'ours' }

describe.each(nodeVariants())('under $name', ({ options }) => {
  let node: LocalNode

  beforeEach(async () => {
    node = openLocalNode(options)
    const taker = { who: 'ann', host: 'laptop', command: 'fleet push', since: '', process: '' }
    const take = takeLockCommand(node.base, { ...taker, token: 'ours', ttlMs: 600_000, createFolder: true })
    expect(await node.run(take)).toMatchObject({ exitCode: 0 })
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  /** A receive that has got half of its bytes and waits for more. Resolves with how it ended. */
  async function hang(detached: boolean, compression: 'none' | 'gzip' = 'none') {
    const command = receiveCommand(node.base, 'releases', tree.manifest.digest, {
      claim,
      compression,
      how: 'new',
      contentBytes: 1,
    })
    const child = spawn('sh', ['-c', commandLine(command)], { detached, stdio: ['pipe', 'ignore', 'ignore'] })
    const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(signal ?? code)
      })
    })
    child.stdin.on('error', () => undefined)
    if (compression === 'none') {
      child.stdin.write(stream.subarray(0, stream.length / 2))
      await until(() => existsSync(join(node.folder, 'releases', `.incoming-${tree.manifest.digest}`, 'tree/main')))
    } else await until(() => existsSync(join(node.folder, '.receiving')))
    return { ended, end: () => child.stdin.destroy() }
  }

  it.each<[string, boolean, 'none' | 'gzip']>([
    ['that leads its process group', true, 'none'],
    ['that waits in a pipe of programs', true, 'gzip'],
    ['that shares its process group with its login', false, 'none'],
  ])('a receive %s is ended, and what it left is gone on from', async (_, detached, compression) => {
    const orphan = await hang(detached, compression)
    const [done, ended] = await Promise.all([receive(node, tree, { claim }), orphan.ended])
    expect(done).toMatchObject({ exitCode: 0, stderr: '' })
    expect(ended).toBe('SIGKILL')
    orphan.end()
  })

  it('a switch does not wait for it either', async () => {
    const first = treeOf({ main: '1' })
    await receive(node, first)
    const orphan = await hang(true)
    const command = switchCommand(node.base, { release: first.manifest.digest, keep: 1, claim })
    expect(await node.run(command)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await orphan.ended).toBe('SIGKILL')
    orphan.end()
  })

  it('nor does hashing what is installed', async () => {
    const first = treeOf({ main: '1' })
    await receive(node, first)
    const orphan = await hang(true)
    const command = verifyCommand(node.base, 'releases', first.manifest.digest, claim)
    expect(await node.run(command)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
    expect(await orphan.ended).toBe('SIGKILL')
    orphan.end()
  })

  it('an operator whose claim is not good ends nothing', async () => {
    const orphan = await hang(true)
    expect(await receive(node, tree, { claim: { epoch: 1, token: 'his' } })).toMatchObject({ exitCode: 77 })
    orphan.end()
    // It got an end of its stream, not a signal.
    expect(await orphan.ended).toBe(74)
  })

  it('whoever else has that pid by now is left alone', async () => {
    // The lock is held by somebody who has not signed; the signature is of a process that is not of this job.
    const innocent = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
    const held = openSync(join(node.folder, 'push.lock'), 'a')
    const holder = spawn('sh', ['-c', 'flock 9'], {
      stdio: [...Array.from({ length: 9 }, () => 'ignore' as const), held],
    })
    await new Promise((resolve) => holder.once('exit', resolve))
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const born =
      readFileSync(`/proc/${String(innocent.pid)}/stat`, 'utf8')
        .split(') ')
        .at(-1)
        ?.split(' ')[19] ?? ''
    const waits = receive(node, tree, { claim })
    await node.run({
      name: 'test',
      script: 'echo "$1" >"$2"',
      args: [`${String(innocent.pid)} ${born} ${boot}`, join(node.folder, '.receiving')],
    })
    mkdirSync(join(node.home, 'waited'))
    await node.run({ name: 'test', script: 'sleep 1', args: [] })
    expect(innocent.exitCode ?? innocent.signalCode).toBe(null)
    closeSync(held)
    expect(await waits).toMatchObject({ exitCode: 0, stderr: '' })
    expect(innocent.exitCode ?? innocent.signalCode).toBe(null)
    innocent.kill('SIGKILL')
  })
})
