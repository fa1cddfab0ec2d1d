// A stream that breaks off at any byte: the next attempt, in the same run or in a later one, sends only what did not arrive.
import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FleetError, parseNodeName } from '../../../src/core/index.ts'
import { createManifestCache, deliverWithResume, type PushOptions } from '../../../src/fleet/index.ts'
import type { Connection, Transport } from '../../../src/ssh/index.ts'
import { unfinished } from '../local-node.ts'
import { expectInUse, kit, openPushBench, releasesOn, wishFor, type PushBench } from './push-bench.ts'
import { treeOf } from './trees.ts'

const MIB = 1 << 20
const LARGE = 12 * MIB
const small = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`file ${index}`, randomBytes(9000)]))
const release = treeOf(
  { ...small, 'zz/large': randomBytes(LARGE), 'zz/zz/last': 'last' },
  { executable: ['zz/large'], links: { link: 'zz/large' } },
)

let bench: PushBench

beforeEach(() => {
  bench = openPushBench()
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

/** A connection that is lost each time so many bytes of one command's input have gone: the node gets those, then the end. */
function losing(connection: Connection, afterBytes: readonly number[]): Connection {
  const losses = [...afterBytes]
  return {
    ...connection,
    exec: async (line, options = {}) => {
      const { stdin } = options
      if (!(stdin instanceof Readable) || !line.includes('fleet-receive')) return connection.exec(line, options)
      const limit = losses[0]
      if (limit === undefined) return connection.exec(line, options)
      const before = losses.length
      const cut = Readable.from(
        (async function* () {
          let bytes = 0
          for await (const piece of stdin as AsyncIterable<Buffer>) {
            yield piece.subarray(0, Math.max(0, limit - bytes))
            bytes += piece.length
            if (bytes < limit) continue
            losses.shift()
            return
          }
        })(),
      )
      const result = await connection.exec(line, { ...options, stdin: cut })
      if (losses.length < before) throw new FleetError('FLEET_SSH_LOST', 'the connection was lost', { retryable: true })
      return result
    },
  }
}

function deliver(connection: Connection, changes: Partial<PushOptions> = {}) {
  const transport: Transport = {
    connect: () => Promise.resolve({ ...connection, close: () => Promise.resolve() }),
    close: () => Promise.resolve(),
  }
  const node = {
    node: parseNodeName('n1'),
    target: { node: parseNodeName('n1'), address: '127.0.0.1', port: 1, user: 'nobody', identities: [] },
    base: bench.node.base,
    slots: 1,
    env: {},
  }
  return bench.inspect(release).then((found) =>
    deliverWithResume({
      transport,
      node,
      trees: { release, kit },
      found,
      wish: wishFor(release),
      claim: 'unlocked',
      refreshClaim: () => Promise.resolve('unlocked' as const),
      options: { packs: bench.packs, manifests: createManifestCache(), keep: 5, verify: false, ...changes },
      pauseMs: () => 1,
    }),
  )
}

describe('a stream that breaks off', () => {
  it('anywhere leaves nothing under a final name, and a later run sends only the rest', async () => {
    for (const share of [0, 0.02, Math.random(), 0.99]) {
      const afterBytes = Math.round(share * (LARGE + 400_000))
      await using other = openPushBench()
      const connection = losing(other.node.connection, [afterBytes])
      const broken = other.push(release, { connection })
      // The kit goes first, and is a stream that may break as well.
      await expect(broken, `after ${afterBytes} bytes`).rejects.toMatchObject({ code: 'FLEET_SSH_LOST' })
      expect(releasesOn(other.node)).toEqual([])
      expect(existsSync(join(other.node.folder, 'current'))).toBe(false)
      const { sentBytes } = await other.push(release)
      expectInUse(other.node, release)
      // Whatever was in the pipe, plus the part of a file that is not gone on with.
      expect(sentBytes).toBeLessThan(LARGE + 700_000 - Math.max(0, afterBytes - 2.5 * MIB))
      expect(unfinished(other.node.folder)).toEqual([])
    }
  })

  it('again and again is gone on with in the same run, and the bytes of all attempts are about those of one', async () => {
    const losses = [1000, 3 * MIB, 3 * MIB, 3 * MIB]
    const heard: number[] = []
    const steps: string[] = []
    const value = await deliver(losing(bench.node.connection, losses), {
      onSent: (bytes) => heard.push(bytes),
      step: (what) => steps.push(what),
    })
    expect(value).toMatchObject({ outcome: 'pushed', previous: '' })
    expectInUse(bench.node, release)
    expect(steps.filter((what) => what.startsWith('connection lost'))).toHaveLength(losses.length)
    // Each attempt gets further than the one before, and begins at a MiB.
    expect(value.sentBytes).toBeLessThan(LARGE + MIB + losses.length * 1.2 * MIB)
    expect(heard).toEqual(heard.toSorted((a, b) => a - b))
  })

  it('may have been followed by somebody who meddled with what it left: nothing is believed', async () => {
    await expect(bench.push(release, { connection: losing(bench.node.connection, [1 << 30]) })).resolves.toBeDefined()
    const next = treeOf({ 'zz/large': release.contentOf('zz/large') as Buffer, other: randomBytes(3 * MIB) })
    const staging = join(bench.node.folder, 'releases', `.incoming-${next.manifest.digest}`)
    for (const folder of ['plan', 'rest', 'tree/zz']) mkdirSync(join(staging, folder), { recursive: true })
    const outside = join(bench.node.home, 'outside')
    writeFileSync(outside, 'outside')
    writeFileSync(join(staging, 'tree/other'), randomBytes(2 * MIB))
    for (const number of ['0', '1', '2', '3', '08']) writeFileSync(join(staging, 'rest', number), 'rubbish')
    const lines = [
      '0\tother\t1048576',
      `1\t../../../../../outside\t1`,
      '2\tother\t08',
      '3\tother\t-1',
      '08\tother\t99999999999999999999',
      '$(reboot)\tother\t1',
      '0\tzz\t1',
      '\t\t',
      'other',
    ]
    writeFileSync(join(staging, 'plan/rests'), lines.join('\n'))
    const found = await bench.inspect(next)
    expect(found.staged.releases).toEqual(new Map([['other', MIB + 'rubbish'.length]]))
    await bench.push(next)
    expectInUse(bench.node, next)
    expect(readFileSync(outside, 'utf8')).toBe('outside')
  })

  it('and brings nothing is given up after three times', async () => {
    const dead: Connection = {
      ...bench.node.connection,
      exec: () => Promise.reject(new FleetError('FLEET_SSH_LOST', 'the connection was lost', { retryable: true })),
    }
    let connects = 0
    await using other = openPushBench()
    const found = await other.inspect(release)
    const transport: Transport = {
      connect: () => {
        connects += 1
        return Promise.resolve({ ...dead, close: () => Promise.resolve() })
      },
      close: () => Promise.resolve(),
    }
    const target = { node: parseNodeName('n1'), address: '127.0.0.1', port: 1, user: 'nobody', identities: [] }
    await expect(
      deliverWithResume({
        transport,
        node: { node: parseNodeName('n1'), target, base: other.node.base, slots: 1, env: {} },
        trees: { release, kit },
        found,
        wish: wishFor(release),
        claim: 'unlocked',
        refreshClaim: () => Promise.resolve('unlocked' as const),
        options: { packs: other.packs, manifests: createManifestCache(), keep: 5, verify: false },
        pauseMs: () => 1,
      }),
    ).rejects.toMatchObject({ code: 'FLEET_SSH_LOST' })
    expect(connects).toBe(3)
  })

  it('because it was aborted ends at once, switches nothing, and is gone on with later', async () => {
    const abort = new AbortController()
    setMaxListeners(0, abort.signal)
    const aborted = deliver(bench.node.connection, {
      signal: abort.signal,
      onSent: (bytes) => {
        if (bytes > 4 * MIB) abort.abort()
      },
    })
    await expect(aborted).rejects.toMatchObject({ code: 'FLEET_SSH_ABORTED' })
    expect(existsSync(join(bench.node.folder, 'current'))).toBe(false)
    expect(releasesOn(bench.node)).toEqual([])
    const { sentBytes } = await bench.push(release)
    expect(sentBytes).toBeLessThan(LARGE - MIB)
    expectInUse(bench.node, release)
  })
})
