// Push, from files here to a release in use there: what is there already is not sent again.
import { existsSync, mkdirSync, readFileSync, readlinkSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildRelease, kitTree, pushToNode, releaseTree, type Tree } from '../../src/fleet/index.ts'
import { parseDigest } from '../../src/core/index.ts'
import { commandLine, inspectCommand, parseInspection } from '../../src/node/index.ts'
import type { Connection } from '../../src/ssh/index.ts'
import { openLocalNode, unfinished, type LocalNode } from './local-node.ts'

let node: LocalNode
const kit = kitTree()

beforeEach(() => {
  node = openLocalNode()
  mkdirSync(join(node.home, 'app'))
})
afterEach(async () => {
  await node[Symbol.asyncDispose]()
})

async function build(content: string): Promise<Tree> {
  writeFileSync(join(node.home, 'app/main'), content, { mode: 0o755 })
  return releaseTree(await buildRelease(node.home, ['app']))
}

const push = (release: Tree, connection: Connection = node.connection) =>
  pushToNode(connection, node.base, { release, kit }, { needsCurl: false })

/** Bytes of every stdin that commands are given. */
function counting(sent: { bytes: number; calls: number }): Connection {
  return {
    ...node.connection,
    exec: async (line, options = {}) => {
      sent.calls += 1
      const { stdin } = options
      if (stdin !== undefined && typeof stdin !== 'string' && !Buffer.isBuffer(stdin))
        stdin.on('data', (chunk: Buffer) => (sent.bytes += chunk.length))
      return node.connection.exec(line, options)
    },
  }
}

describe('pushToNode', () => {
  it('sends release and kit, switches to them, and sends nothing the second time', async () => {
    const release = await build('one')
    const first = await push(release)
    expect(first).toEqual({
      release: release.manifest.digest,
      kit: kit.manifest.digest,
      sentBytes: release.manifest.sizeBytes + kit.manifest.sizeBytes,
      previous: '',
      outcome: 'pushed',
    })
    expect(readFileSync(join(node.folder, 'current/app/main'), 'utf8')).toBe('one')
    expect(readFileSync(join(node.folder, 'kit/current/keep.sh')).length).toBeGreaterThan(0)
    const sent = { bytes: 0, calls: 0 }
    expect(await push(release, counting(sent))).toMatchObject({
      outcome: 'unchanged',
      sentBytes: 0,
      previous: release.manifest.digest,
    })
    expect(sent).toEqual({ bytes: 0, calls: 1 })
  })

  it('keeps the former release and says which it was, and going back sends nothing', async () => {
    const one = await build('one')
    await push(one)
    const next = await build('two')
    expect(await push(next)).toMatchObject({ outcome: 'pushed', previous: one.manifest.digest, sentBytes: 3 })
    expect(await push(one)).toMatchObject({ outcome: 'switched', sentBytes: 0, previous: next.manifest.digest })
    expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${one.manifest.digest}`)
  })

  it('installs once when 20 operators push the same release at once', async () => {
    const release = await build('x'.repeat(200_000))
    const results = await Promise.all(Array.from({ length: 20 }, () => push(release)))
    expect(new Set(results.map((result) => result.release)).size).toBe(1)
    expect(readFileSync(join(node.folder, 'current/app/main')).length).toBe(200_000)
    expect(unfinished(node.folder)).toEqual([])
  })

  it('blames the file that changed, not the node, and leaves the node as it was', async () => {
    const release = await build('x'.repeat(100_000))
    writeFileSync(join(node.home, 'app/main'), 'shorter')
    await expect(push(release)).rejects.toMatchObject({
      code: 'FLEET_RELEASE_CHANGED',
      message: expect.stringContaining('app/main') as string,
    })
    expect(existsSync(join(node.folder, 'releases', release.manifest.digest))).toBe(false)
    expect(await push(await build('again'))).toMatchObject({ outcome: 'pushed' })
    // The receiver may have been ended before it could clear up: the next push does.
    expect(unfinished(node.folder)).toEqual([])
  })

  it('does not let a file through whose bytes changed while its length did not', async () => {
    const release = await build('aaaa')
    writeFileSync(join(node.home, 'app/main'), 'bbbb')
    await expect(push(release)).rejects.toMatchObject({
      code: 'FLEET_NODE_COMMAND',
      message: expect.stringContaining('verification failed') as string,
    })
  })

  it('names the tool that a node lacks before anything is sent', async () => {
    const release = await build('one')
    const commands: string[] = []
    const bare: Connection = {
      ...node.connection,
      exec: (line) => {
        commands.push(line)
        return Promise.resolve({
          exitCode: 0,
          signal: undefined,
          stdout: '\u001efleet\u001e\n\nfleet-inspect missing= tar curl\n',
          stderr: '',
        })
      },
    }
    await expect(pushToNode(bare, node.base, { release, kit }, { needsCurl: true })).rejects.toMatchObject({
      code: 'FLEET_NODE_MISSING_TOOL',
      message: 'the node lacks tar, curl',
    })
    expect(commands).toHaveLength(1)
  })

  it('finds a tool that was put into .bin below root, because workers will', async () => {
    const look = async (): Promise<readonly string[]> => {
      const digest = parseDigest('0'.repeat(64))
      const command = inspectCommand(node.base, { kit: digest }, ['tar', 'fleet-test-tool'])
      return parseInspection((await node.connection.exec(commandLine(command))).stdout).missingTools
    }
    expect(await look()).toEqual(['fleet-test-tool'])
    const bin = join(node.folder, '..', '.bin')
    mkdirSync(bin, { recursive: true })
    symlinkSync(realpathSync('/bin/true'), join(bin, 'fleet-test-tool'))
    expect(await look()).toEqual([])
  })
})
