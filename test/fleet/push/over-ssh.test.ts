// A push over a real sshd: what it takes, and that it goes on by itself when its session is killed.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createManifestCache, deliverWithResume, inspect, type Delivery } from '../../../src/fleet/index.ts'
import { createPacks, type Packs } from '../../../src/fleet/push/packs.ts'
import type { Transport } from '../../../src/ssh/index.ts'
import { startSshd, whyNoSshd, type Sshd } from '../../ssh/sshd.ts'
import { createWorkbench, type Workbench } from '../../ssh/workbench.ts'
import { removeTree } from '../local-node.ts'
import { kit, wishFor } from './push-bench.ts'
import { treeOf } from './trees.ts'

const why = whyNoSshd()
if (why !== undefined) process.stderr.write(`SKIPPED a push over a real sshd: ${why}\n`)

const SIZE = 48 << 20
const content = randomBytes(SIZE)
const release = treeOf({ 'bin/tool': 'tool', 'data/large': content }, { executable: ['bin/tool'] })

describe.skipIf(why !== undefined)('a push over SSH', () => {
  let bench: Workbench
  let sshd: Sshd
  let transport: Transport
  let packs: Packs
  let base: string

  beforeEach(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench)
    transport = bench.transport({ acceptNew: true })
    packs = createPacks({ folder: join(bench.folder, 'packs') })
    base = join(bench.folder, 'root', 'photos')
  })
  afterEach(async () => {
    await packs.close()
    await transport.close()
    await sshd.close()
    removeTree(join(bench.folder, 'root'))
    bench.remove()
  })

  async function delivery(changes: Partial<Delivery['options']> = {}): Promise<Delivery> {
    const target = bench.target(sshd)
    const connection = await transport.connect(target)
    const found = await inspect(connection, base, wishFor(release))
    await connection.close()
    return {
      transport,
      node: { node: target.node, target, base, slots: 1, env: {} },
      trees: { release, kit },
      found,
      wish: wishFor(release),
      claim: 'unlocked',
      refreshClaim: () => Promise.resolve('unlocked' as const),
      options: { packs, manifests: createManifestCache(), keep: 5, verify: false, ...changes },
      pauseMs: () => 10,
    }
  }

  async function sessionPid(): Promise<number> {
    const connection = await transport.connect(bench.target(sshd))
    try {
      return Number((await connection.exec('echo $PPID')).stdout)
    } finally {
      await connection.close()
    }
  }

  const installed = (): Buffer => readFileSync(join(base, 'current/data/large'))

  it('brings what it is given', async () => {
    const value = await deliverWithResume(await delivery())
    expect(value).toMatchObject({ outcome: 'pushed', previous: '' })
    expect(value.sentBytes).toBeGreaterThan(SIZE)
    expect(installed().equals(content)).toBe(true)
    expect(await deliverWithResume(await delivery())).toMatchObject({ outcome: 'unchanged', sentBytes: 0 })
  })

  it('goes on where it stopped when the session of sshd is killed, in the same run', async () => {
    // A hold, so that the push runs in this very session.
    const connection = await transport.connect(bench.target(sshd))
    const pid = await sessionPid()
    const steps: string[] = []
    let isKilled = false
    const value = await deliverWithResume(
      await delivery({
        step: (what) => steps.push(what),
        onSent: (bytes) => {
          if (isKilled || bytes < SIZE / 2) return
          isKilled = true
          process.kill(pid, 'SIGKILL')
        },
      }),
    )
    await connection.close()
    expect(steps).toContain('connection lost, trying again')
    expect(value.outcome).toBe('pushed')
    expect(installed().equals(content)).toBe(true)
    // What was on its way is sent twice, and no more: sockets and pipes hold some MiB.
    expect(value.sentBytes).toBeLessThan(SIZE * 1.4)
    expect(existsSync(join(base, 'releases', `.incoming-${release.manifest.digest}`))).toBe(false)
  })
})
