// What goes to a node compressed is decided by what it finds there, and by how fast the way to it is. The ways here are made slow by handing on
// the input slowly, the nodes by slow programs; the commands are real ones.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chooseCompression } from '../../../src/fleet/push/choose-compression.ts'
import type { PackMember } from '../../../src/fleet/push/pack.ts'
import { createPacks, type Packs } from '../../../src/fleet/push/packs.ts'
import type { Connection } from '../../../src/ssh/index.ts'
import { findProgram } from '../../support/requires-program.ts'
import { busyboxTools, openLocalNode, type LocalNode } from '../local-node.ts'

const zstd = findProgram('zstd', 'choices for nodes that have zstd') ?? ''
const busybox = busyboxTools()
/** Hexadecimal digits: half their size. */
const MEDIUM = Buffer.from(randomBytes(12_000_000).toString('hex'))
const SMALL = MEDIUM.subarray(0, 300_000)

let node: LocalNode
let packs: Packs

beforeEach(() => {
  node = openLocalNode()
  packs = createPacks({ folder: join(node.home, 'packs') })
})
afterEach(async () => {
  await packs.close()
  await node[Symbol.asyncDispose]()
})

describe('without measuring, a pack', () => {
  it('goes as it is when the node can unpack nothing', async () => {
    expect(await chooseCompression(deaf(node), packs, [member(MEDIUM)], [])).toBe('none')
  })

  it('goes as it is when it is small', async () => {
    expect(await chooseCompression(deaf(node), packs, [member(SMALL.subarray(0, 200_000))], ['zstd'])).toBe('none')
  })

  it('goes as it is when it would not get smaller', async () => {
    const members = [member(randomBytes(20_000_000)), member(SMALL)]
    expect(await chooseCompression(deaf(node), packs, members, ['zstd', 'gzip'])).toBe('none')
  })

  it('is compressed when it would not matter much: by zstd where there is one, else by gzip', async () => {
    expect(await chooseCompression(deaf(node), packs, [member(SMALL)], ['gzip', 'zstd'])).toBe('zstd')
    expect(await chooseCompression(deaf(node), packs, [member(SMALL)], ['gzip'])).toBe('gzip')
  })
})

describe.skipIf(zstd === '')('by measuring, a large pack', () => {
  it.each(['zstd', 'gzip'] as const)('is compressed by %s on a slow way', async (compression) => {
    const slow = slowed(node.connection, 0.5)
    expect(await chooseCompression(slow, packs, [member(MEDIUM)], [compression])).toBe(compression)
  })

  it('goes as it is on a fast way to a node that unpacks slowly', async () => {
    program(node, 'zstd', `sleep 1; exec ${zstd} "$@"`)
    expect(await chooseCompression(node.connection, packs, [member(MEDIUM)], ['zstd'])).toBe('none')
  })

  it('goes as it is when making it takes longer than it saves, unless many rounds share that, or it is made already', async () => {
    // Saves 4 s of 8 s.
    const way = slowed(node.connection, 3)
    const members = [member(MEDIUM)]
    const busy: Packs = { ...packs, timeCompression: async () => 60_000 / MEDIUM.length }
    expect(await chooseCompression(way, busy, members, ['zstd'])).toBe('none')
    expect(await chooseCompression(way, busy, members, ['zstd'], { rounds: 1000 })).toBe('zstd')
    await packs.pack(members, 'zstd')
    expect(await chooseCompression(way, busy, members, ['zstd'])).toBe('zstd')
  })

  it.each([
    ['fails', 'exit 1'],
    ['prints something else', 'cat >/dev/null; echo hello'],
  ])('goes as it is when what unpacks on the node %s', async (_, script) => {
    program(node, 'zstd', script)
    expect(await chooseCompression(slowed(node.connection, 0.5), packs, [member(MEDIUM)], ['zstd'])).toBe('none')
  })

  it('is not measured with more than a share of it', async () => {
    const counted = { bytes: 0 }
    await chooseCompression(slowed(node.connection, 10_000, counted), packs, [member(MEDIUM)], ['zstd'])
    expect(counted.bytes).toBeGreaterThan(500_000)
    expect(counted.bytes).toBeLessThan(3_000_000)
  })

  it('is given up with the call, and no command stays behind', async () => {
    const giveUp = new AbortController()
    const choice = chooseCompression(slowed(node.connection, 0.01), packs, [member(MEDIUM)], ['zstd'], {
      signal: giveUp.signal,
    })
    await untilTrue(() => commandsNow().length > 0)
    giveUp.abort()
    await expect(choice).rejects.toMatchObject({ code: 'FLEET_SSH_ABORTED' })
    await untilTrue(() => commandsNow().length === 0)
  })
})

it.skipIf(busybox === undefined || zstd === '')('measures a node whose tools are those of busybox', async () => {
  await node[Symbol.asyncDispose]()
  node = openLocalNode({ tools: busybox ?? '' })
  expect(await chooseCompression(slowed(node.connection, 0.5), packs, [member(MEDIUM)], ['gzip'])).toBe('gzip')
})

function member(content: Buffer): PackMember {
  return { path: 'file', mode: 0o444, sizeBytes: content.length, content }
}

/** Must not be asked anything. */
function deaf({ connection }: LocalNode): Connection {
  return {
    ...connection,
    exec: () => Promise.reject(new Error('nothing was to be measured')),
  }
}

/** The same connection at so many MB/s. All commands share the rate. */
function slowed(connection: Connection, megabytesPerS: number, counted = { bytes: 0 }): Connection {
  let freeAtMs = 0
  async function* slowly(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += 65_536) {
        const piece = chunk.subarray(at, at + 65_536)
        freeAtMs = Math.max(freeAtMs, performance.now()) + piece.length / (megabytesPerS * 1000)
        counted.bytes += piece.length
        yield piece
        const aheadMs = freeAtMs - performance.now()
        if (aheadMs > 2) await pause(aheadMs)
      }
    }
  }
  return {
    ...connection,
    exec: (commandLine, options) =>
      connection.exec(commandLine, {
        ...options,
        stdin: Readable.from(slowly(options?.stdin as Readable), { objectMode: true, highWaterMark: 1 }),
      }),
  }
}

/** What the node finds first under this name. */
function program({ home }: LocalNode, name: string, script: string): void {
  const path = join(home, 'bin', name)
  mkdirSync(join(home, 'bin'), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

/** Command lines of processes that measure for this test. */
function commandsNow(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const isOurs = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HOME=${node.home}`)
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return isOurs && commandLine !== '' ? [commandLine] : []
    } catch {
      return []
    }
  })
}

async function untilTrue(isTrue: () => boolean): Promise<void> {
  await expect.poll(isTrue, { timeout: 10_000 }).toBe(true)
}
