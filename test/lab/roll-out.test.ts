// New releases on real hosts, batch by batch: canaries, checks that fail, workers that are drained and restarted, and the way back.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { runFleet, type FleetResult } from './fleet-command.ts'
import { startLab, type Lab } from './lab.ts'
import { must } from './node-changes.ts'
import { nodesOf } from './operator.ts'
import { faultsOfCurrent, unfinishedOn } from './release-check.ts'

const NODES = 4
const SLOTS = 3
const BASE = '/home/deploy/.fleet/rolling'
const FLEET = join(import.meta.dirname, '../../bin/fleet')

// It takes a moment to finish what it does, and writes down that it could.
const worker = (version: string): string => `#!/bin/sh
trap 'sleep 1; echo "$FLEET_NODE/$FLEET_SLOT ${version}" >>"$PLACE/drained"; exit 0' TERM
while :; do sleep 1 & wait $!; done
`

describeOnLab('a roll-out on four real hosts', () => {
  let lab: Lab
  let folder: string
  let port: number
  const digests = new Map<string, string>()

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES })
    folder = await mkdtemp(join(tmpdir(), 'fleet-rolling-'))
    port = await freePort(lab.controlAddress)
    await writeFile(join(folder, 'inventory.yml'), lab.inventoryYml('deploy'))
  }, 120_000)

  afterAll(async () => {
    await fleet('stop', '--now', '--dispatcher')
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    await lab.dispose()
  }, 60_000)

  const fleet = (...args: readonly string[]): Promise<FleetResult> =>
    runFleet(folder, [args[0] ?? '', '--known-hosts', lab.knownHostsFile, ...args.slice(1)])

  /** Writes that release; `healthy` is the text of its check. */
  const release = async (version: string, healthy = 'exit 0', keep = 5): Promise<void> => {
    await writeFile(join(folder, 'work'), worker(version), { mode: 0o755 })
    await writeFile(join(folder, 'healthy'), `#!/bin/sh\n# ${version}\n${healthy}\n`, { mode: 0o755 })
    const yml = {
      job: 'rolling',
      release: { files: ['work', 'healthy'], keep, check: ['./healthy'], check_timeout: '20s' },
      worker: {
        kind: 'native',
        command: ['./work'],
        slots: SLOTS,
        keeper: 'none',
        grace: '5s',
        env: { PLACE: '/srv/shared' },
      },
      dispatcher: { listen: `${lab.controlAddress}:${port}` },
    }
    await writeFile(join(folder, 'fleet.yml'), JSON.stringify(yml))
  }
  const push = async (version: string, ...args: readonly string[]): Promise<FleetResult> => {
    const result = await fleet('push', '--json', ...args)
    const pushed = nodesOf(result).find(({ release: digest }) => typeof digest === 'string')
    if (pushed !== undefined && !digests.has(version)) digests.set(version, String(pushed['release']))
    return result
  }
  const versionOf = (digest: unknown): string =>
    [...digests].find(([, known]) => known === digest)?.[0] ?? `unknown ${String(digest)}`
  /** `v2: v1 x 3`: what is current, and what living workers run, for each node. */
  const running = async (): Promise<string[]> => {
    const result = await fleet('status', '--json')
    return nodesOf(result).map(({ release: current, releases }) => {
      const workers = Object.entries(releases as Record<string, number>).map(
        ([digest, n]) => `${versionOf(digest)} x ${n}`,
      )
      return `${versionOf(current)}: ${workers.join(', ')}`
    })
  }
  const drained = async (): Promise<string[]> =>
    (await readFile(join(lab.shared.here, 'drained'), 'utf8').catch(() => '')).trim().split('\n').sort()

  it('changes what workers run only when they are restarted, canaries first, and never more than a batch at a time', async () => {
    await release('v1')
    const first = await push('v1')
    expect(first.exitCode, first.stderr).toBe(0)
    expect(nodesOf(first)).toMatchObject(
      Array.from({ length: NODES }, () => ({ ok: true, outcome: 'pushed', checked: true })),
    )
    const started = await fleet('start', '--insecure-http', '--batch', '1,100%')
    expect(started.exitCode, started.stderr).toBe(0)
    expect(started.stderr).toMatch(/batch 1 of 2: node01\nstart node01: ok\nbatch 2 of 2: node\[02-04\]\n/)
    await release('v2')
    const second = await push('v2')
    expect(second.exitCode, second.stderr).toBe(0)
    expect(await running()).toEqual(Array.from({ length: NODES }, () => `v2: v1 x ${SLOTS}`))
    expect((await fleet('status')).stdout).toMatch(/\(3 of 3 on [0-9a-f]{12}\)/)

    await release('v3')
    const third = await push('v3', '--canary', 'node03', '--batch', '1,100%', '--restart')
    expect(third.exitCode, third.stderr).toBe(0)
    expect(third.stderr).toMatch(/batch 1 of 3: node03\n[^]*batch 2 of 3: node01\n[^]*batch 3 of 3: node\[02,04\]\n/)
    expect(nodesOf(third)).toMatchObject(
      Array.from({ length: NODES }, () => ({ ok: true, restarted: SLOTS, checked: true })),
    )
    expect(await running()).toEqual(Array.from({ length: NODES }, () => `v3: v3 x ${SLOTS}`))
    // All of them could finish.
    expect(await drained()).toHaveLength(NODES * SLOTS)
    expect(new Set((await drained()).map((line) => line.split(' ')[1]))).toEqual(new Set(['v1']))
  })

  it('is stopped by a failed check, and takes that batch back', async () => {
    await release('v4', '[ "$FLEET_NODE" != node02 ] || { echo "out of luck on $FLEET_NODE"; exit 9; }')
    const result = await push('v4', '--canary', 'node01', '--batch', '2', '--auto-rollback', '--restart')
    expect(result.exitCode, result.stderr).toBe(3)
    const [one, two, three, four] = nodesOf(result)
    expect(one).toMatchObject({ ok: true, restarted: SLOTS, checked: true })
    expect(two?.error?.code).toBe('FLEET_ROLLOUT_UNHEALTHY')
    expect(two?.error?.message).toMatch(
      /exit 9; it said: out of luck on node02\. It was switched back to [0-9a-f]{12}$/,
    )
    expect(three?.error?.code).toBe('FLEET_ROLLOUT_SWITCHED_BACK')
    expect(four?.error).toMatchObject({
      code: 'FLEET_ROLLOUT_STOPPED',
      message: 'not touched: 1 node has failed, at most 0 may',
    })
    expect(await running()).toEqual([`v4: v4 x ${SLOTS}`, ...Array.from({ length: 3 }, () => `v3: v3 x ${SLOTS}`)])
  })

  it('goes back to a named release and forth again without sending anything', async () => {
    const wanted = digests.get('v3') ?? ''
    const listed = await fleet('rollback', '--list')
    expect(listed.stdout).toMatch(/^node01\n(?: {2}.*\n)* {2}[0-9a-f]{12} {2}\S+Z {2}current\n/)
    const back = await fleet('rollback', wanted.slice(0, 10), '--restart', '--json')
    expect(back.exitCode, back.stderr).toBe(0)
    expect(nodesOf(back).map(({ outcome }) => outcome)).toEqual(['switched', 'unchanged', 'unchanged', 'unchanged'])
    expect(await running()).toEqual(Array.from({ length: NODES }, () => `v3: v3 x ${SLOTS}`))
    const forth = await fleet('rollback', '--limit', 'node01', '--json')
    expect(nodesOf(forth)).toMatchObject([{ outcome: 'switched', release: digests.get('v4') }])
    expect((await fleet('rollback', '--limit', 'node01', '--json')).exitCode).toBe(0)
    const missing = await fleet('rollback', 'ffffffff', '--json')
    expect(missing.exitCode).toBe(4)
    expect(nodesOf(missing)[0]?.error?.message).toContain('it holds')
  })

  it('refuses to go back to a release that is not as it was', async () => {
    const damaged = digests.get('v1') ?? ''
    await must(lab, 2, `chmod u+w ${BASE}/releases/${damaged} && echo more >${BASE}/releases/${damaged}/extra`)
    const result = await fleet('rollback', damaged, '--json', '--limit', 'node02')
    expect(nodesOf(result)).toMatchObject([{ ok: false, error: { code: 'FLEET_ROLLBACK_DAMAGED' } }])
    expect(nodesOf(result)[0]?.error?.message).toContain('extra')
    expect((await running())[1]).toBe(`v3: v3 x ${SLOTS}`)
  })

  it('keeps what runs when it removes older releases', async () => {
    for (const version of ['v5', 'v6']) {
      await release(version, 'exit 0', 2)
      const result = await push(version)
      expect(result.exitCode, result.stderr).toBe(0)
    }
    const there = (await must(lab, 3, `ls ${BASE}/releases`)).trim().split('\n').map(versionOf)
    expect(there.sort()).toEqual(['v3', 'v5', 'v6'])
    // Nothing is to be sent, and yet something is to be done.
    const restart = await push('v6', '--restart')
    expect(nodesOf(restart)).toMatchObject(
      Array.from({ length: NODES }, () => ({ outcome: 'unchanged', restarted: SLOTS })),
    )
    expect(await running()).toEqual(Array.from({ length: NODES }, () => `v6: v6 x ${SLOTS}`))
    expect(nodesOf(await push('v6', '--restart'))[0]).not.toHaveProperty('restarted')
  })

  it('leaves every node as it was or done when it is interrupted, and the lock free', async () => {
    await release('v7', 'exit 0', 2)
    const args = ['push', '--known-hosts', lab.knownHostsFile, '--batch', '1', '--pause', '60s', '--json']
    const child = spawn(FLEET, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { out: text(child.stdout), err: '' }
    const pausing = Promise.withResolvers<undefined>()
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said.err += chunk
      if (said.err.includes('waiting 1m before the next batch')) pausing.resolve(undefined)
    })
    const closed = once(child, 'close')
    await Promise.race([pausing.promise, closed])
    child.kill('SIGINT')
    const [exitCode] = (await closed) as [number | null]
    expect(exitCode, said.err).toBe(130)
    expect(said.err).toMatch(/interrupted\ndone: node01\nas before: node\[02-04\]\n/)
    const again = await push('v7')
    expect(again.exitCode, again.stderr).toBe(0)
    expect(nodesOf(again).map(({ outcome }) => outcome)).toEqual(['unchanged', 'pushed', 'pushed', 'pushed'])
    for (let node = 1; node <= NODES; node++) {
      expect(await faultsOfCurrent(lab, node, BASE)).toBe('')
      expect(await unfinishedOn(lab, node, BASE)).toBe('')
    }
  })
})
