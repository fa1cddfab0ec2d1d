// What stops a push on a node: said in the node's words with what to do, nothing is switched, nothing stays that would be trusted.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseLockState, takeLockCommand, type Claim } from '../../../src/node/index.ts'
import type { Connection } from '../../../src/ssh/index.ts'
import { unfinished } from '../local-node.ts'
import { expectInUse, openPushBench, releasesOn, type PushBench } from './push-bench.ts'
import { treeOf } from './trees.ts'

const small = treeOf({ main: 'small' })
const large = treeOf({ main: randomBytes(600_000) })

const MARK = Buffer.from('here begins what is spoiled')

let bench: PushBench

beforeEach(() => {
  bench = openPushBench()
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

describe('a push that its node cannot take', () => {
  it('because what was written comes back wrong is given up after three rounds, with the names of the files', async () => {
    const release = treeOf({ good: 'good', bad: Buffer.concat([MARK, randomBytes(300_000)]) })
    let rounds = 0
    await expect(
      bench.push(release, {
        connection: spoiling(bench.node.connection, () => {
          rounds += 1
          return false
        }),
      }),
    ).rejects.toMatchObject({
      code: 'FLEET_PUSH_NOT_VERIFIED',
      message: expect.stringMatching(/3 times in a row: bad$/) as string,
      remedy: expect.stringContaining('memory') as string,
    })
    expect(rounds).toBe(3)
    expect(releasesOn(bench.node)).toEqual([])
    const { sentBytes } = await bench.push(release)
    expect(sentBytes).toBeLessThan(320_000)
    expectInUse(bench.node, release)
  })

  it('for a moment is mended by sending what was bad again, links included', async () => {
    const release = treeOf(
      { good: randomBytes(100_000), bad: Buffer.concat([MARK, randomBytes(300_000)]) },
      { links: { link: 'bad' } },
    )
    let rounds = 0
    const connection = spoiling(bench.node.connection, () => (rounds += 1) > 1)
    const { cost } = await bench.push(release, { connection })
    expect(cost.commands).toEqual(['inspect', 'receive', 'receive', 'receive', 'switch'])
    expectInUse(bench.node, release)
  })

  it('because its operator lock is not ours any more switches nothing', async () => {
    const take = async (token: string): Promise<Claim> => {
      const said = await bench.node.run(
        takeLockCommand(bench.node.base, {
          token,
          ttlMs: 60_000,
          createFolder: true,
          who: 'somebody',
          host: 'here',
          command: 'fleet push',
          since: '2026-01-01T00:00:00Z',
          process: '',
          ...(token === 'ours' ? {} : { supersede: 'ours' }),
        }),
      )
      expect(said.exitCode, said.stderr).toBe(0)
      return { epoch: parseLockState(said.stdout).epoch, token }
    }
    const ours = await take('ours')
    expect(await bench.push(small, { claim: ours })).toMatchObject({ outcome: 'pushed' })
    const theirs = await take('theirs')
    await expect(bench.push(large, { claim: ours })).rejects.toMatchObject({ code: 'FLEET_LOCK_LOST' })
    expectInUse(bench.node, small)
    expect(releasesOn(bench.node)).toEqual([small.manifest.digest])
    expect(await bench.push(large, { claim: theirs })).toMatchObject({ outcome: 'pushed' })
    expect(unfinished(bench.node.folder)).toEqual([])
  })
})

const canMount =
  process.getuid?.() === 0 &&
  spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs none "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s'])
    .status === 0
if (!canMount) process.stderr.write('SKIPPED full, read-only and noexec disks of a node: only root can mount them\n')

describe.skipIf(!canMount)('a file system of a node', () => {
  const mount = (options: string): void => {
    const place = join(bench.node.home, '.fleet')
    mkdirSync(place, { recursive: true })
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', place]).status).toBe(0)
  }
  afterEach(() => {
    // Before the outer hook removes what is below it.
    expect(spawnSync('umount', [join(bench.node.home, '.fleet')]).status).toBe(0)
  })

  it('that is full is named, keeps the old release in use and nothing half-done, and takes the next push', async () => {
    mount('size=1m')
    await bench.push(small)
    writeFileSync(join(bench.node.home, '.fleet/ballast'), Buffer.alloc(500_000))
    await expect(bench.push(large)).rejects.toMatchObject({
      code: 'FLEET_NODE_COMMAND',
      message: expect.stringMatching(/^receive failed \(exit 73\): .*no space is left below /) as string,
      remedy: expect.stringContaining('free space') as string,
    })
    expectInUse(bench.node, small)
    expect(releasesOn(bench.node)).toEqual([small.manifest.digest])
    expect(unfinished(bench.node.folder)).toEqual([])
    rmSync(join(bench.node.home, '.fleet/ballast'))
    expect(await bench.push(large)).toMatchObject({ outcome: 'pushed' })
  })

  it('that takes no more files is told from a full one', async () => {
    mount('nr_inodes=64')
    const many = treeOf(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`file ${index}`, `${index}`])))
    await expect(bench.push(many)).rejects.toMatchObject({
      message: expect.stringContaining('no inodes are left') as string,
      remedy: expect.stringContaining('remove files') as string,
    })
    expect(releasesOn(bench.node)).toEqual([])
  })

  it('that became read-only is named', async () => {
    mount('size=4m')
    await bench.push(small)
    expect(spawnSync('mount', ['-o', 'remount,ro', join(bench.node.home, '.fleet')]).status).toBe(0)
    await expect(bench.push(large)).rejects.toMatchObject({
      message: expect.stringContaining('read-only') as string,
      remedy: expect.stringMatching(/\S/) as string,
    })
    expectInUse(bench.node, small)
  })

  it('that runs no programs is found before the switch', async () => {
    mount('size=4m,noexec')
    await expect(bench.push(small)).rejects.toMatchObject({
      message: expect.stringContaining('noexec') as string,
      remedy: expect.stringContaining('set root in fleet.yml') as string,
    })
    expect(existsSync(join(bench.node.folder, 'current'))).toBe(false)
    expect(() => readlinkSync(join(bench.node.folder, 'kit/current'))).toThrow()
  })
})

/** A connection that flips a bit of the file's content on its way, as long as `spoils` does not say that it is over. */
function spoiling(connection: Connection, isOver: () => boolean): Connection {
  return {
    ...connection,
    exec: (line, options = {}) => {
      const { stdin } = options
      if (!(stdin instanceof Readable) || !line.includes('fleet-receive')) return connection.exec(line, options)
      const spoiled = Readable.from(
        (async function* () {
          for await (const piece of stdin as AsyncIterable<Buffer>) {
            const at = piece.indexOf(MARK)
            if (at !== -1 && !isOver()) {
              const copy = Buffer.from(piece)
              copy[at] = 0
              yield copy
            } else yield piece
          }
        })(),
      )
      return connection.exec(line, { ...options, stdin: spoiled })
    },
  }
}
