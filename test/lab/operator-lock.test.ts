// Two operators on the same hosts: one changes them, the other is told who does.
import { writeFile } from 'node:fs/promises'
import { userInfo, hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { createLockOperator, type LockOperator, type LockRecord, type Run } from './lock-operators.ts'

const ME = `${userInfo().username}@${hostname()}`

const isHeld = (nodes: readonly LockRecord[]): boolean => nodes.every(({ held }) => held)
const isFree = (nodes: readonly LockRecord[]): boolean => nodes.every(({ held, command }) => !held && command === null)

describeOnLab('the operator lock on three hosts', () => {
  let lab: Lab
  let ann: LockOperator
  let bob: LockOperator

  beforeAll(async () => {
    lab = await startLab({ nodes: 3 })
    ann = await createLockOperator(lab, 'of ann')
    bob = await createLockOperator(lab, 'of bob')
    for (const operator of [bob, ann]) expect(await operator.fleet('push')).toMatchObject({ exitCode: 0 })
    expect(await ann.fleet('start', '--insecure-http')).toMatchObject({ exitCode: 0 })
    await writeFile(join(ann.folder, 'ids.txt'), Array.from({ length: 50 }, (_, index) => `user${index}\n`).join(''))
    expect(await ann.fleet('ids', 'add', 'ids.txt')).toMatchObject({ exitCode: 0 })
  }, 120_000)

  afterAll(async () => {
    await ann.fleet('stop', '--now', '--dispatcher', '--lock-wait', '1m')
    await ann[Symbol.asyncDispose]()
    await bob[Symbol.asyncDispose]()
    await lab.dispose()
  }, 90_000)

  let draining: Run | undefined

  // A run that a failed test left behind would hold the lock against all others.
  afterEach(async () => {
    draining?.child.kill('SIGKILL')
    await draining?.ended
    draining = undefined
  })

  /** Ann drains, which takes as long as her users do, and holds the lock meanwhile. */
  const drain = async (): Promise<Run> => {
    const run = (draining = ann.begin('stop'))
    await bob.untilLock(isHeld)
    return run
  }
  const interrupt = async (run: Run): Promise<void> => {
    run.child.kill('SIGINT')
    expect((await run.ended).exitCode).toBe(130)
    // What was drained runs again, for the next test.
    expect(await ann.fleet('start', '--insecure-http', '--lock-wait', '1m')).toMatchObject({ exitCode: 0 })
  }

  it('is free when nobody works, and one line says so of all hosts', async () => {
    const { exitCode, stdout } = await bob.fleet('lock', 'status')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^NODE +LOCK .*\nnode\[01-03\] +free +\d+\n$/)
  })

  it('is refused to the second operator with exit code 5, who is told who holds it, since when and what for', async () => {
    const run = await drain()
    for (const args of [
      ['start', '--insecure-http'],
      ['stop', '--now'],
      ['push'],
      ['rollback'],
      ['uninstall', '--now'],
    ]) {
      const { exitCode, stderr } = await bob.fleet(...args)
      expect([args[0], exitCode, stderr]).toEqual([args[0], 5, expect.stringContaining('FLEET_LOCK_HELD') as string])
      expect(stderr).toMatch(new RegExp(`held by ${ME} since \\S+Z \\(\\S.*\\): fleet stop`))
      expect(stderr).toContain('fleet lock status')
    }
    const status = await bob.fleet('lock', 'status')
    expect(status.stdout).toMatch(new RegExp(`\\nnode\\[01-03\\] +held +\\d+ +${ME} .* fleet stop .*\\n$`))
    // Looking needs no lock.
    expect(await ann.fleet('status')).toMatchObject({ exitCode: 0 })
    await interrupt(run)
  }, 120_000)

  it('is given back within seconds after Ctrl-C, with exit code 130', async () => {
    const run = await drain()
    const beganMs = performance.now()
    run.child.kill('SIGINT')
    const { exitCode } = await run.ended
    expect(exitCode).toBe(130)
    expect(performance.now() - beganMs).toBeLessThan(15_000)
    expect(isFree(await bob.untilLock(() => true))).toBe(true)
    expect(await ann.fleet('start', '--insecure-http')).toMatchObject({ exitCode: 0 })
  })

  it('comes to whoever waits, once the first operator is done', async () => {
    const run = await drain()
    const waiting = bob.begin('stop', '--now', '--lock-wait', '2m')
    let said = ''
    await new Promise<void>((resolve) => {
      waiting.child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes('waiting for the operator lock')) resolve()
      })
    })
    run.child.kill('SIGINT')
    expect((await run.ended).exitCode).toBe(130)
    expect((await waiting.ended).exitCode).toBe(0)
    expect(await ann.fleet('start', '--insecure-http')).toMatchObject({ exitCode: 0 })
  })

  it('of a killed run does not stop the next one on the same machine, which says what it took over', async () => {
    const run = await drain()
    run.child.kill('SIGKILL')
    await run.ended
    expect(isHeld(await bob.untilLock(() => true))).toBe(true)
    const { exitCode, stderr } = await ann.fleet('start', '--insecure-http')
    expect(exitCode).toBe(0)
    expect(stderr.match(/taking over the operator lock of a run that is dead: .*: fleet stop/g)).toHaveLength(1)
  })

  it('is released for a run that is dead, not for one that is alive, unless by force', async () => {
    const run = await drain()
    const refused = await bob.fleet('lock', 'release')
    expect([refused.exitCode, refused.stderr]).toEqual([5, expect.stringContaining('--force') as string])
    const before = await bob.untilLock(isHeld)
    const forced = await bob.fleet('lock', 'release', '--force')
    expect(forced.exitCode).toBe(0)
    expect(forced.stdout).toMatch(
      new RegExp(`^node\\[01-03\\]  released by force: refused from now on is ${ME} since .*: fleet stop`),
    )
    const after = await bob.untilLock(isFree)
    expect(after.map(({ epoch }) => epoch)).toEqual(before.map(({ epoch }) => epoch + 1))
    await interrupt(run)

    const killed = await drain()
    killed.child.kill('SIGKILL')
    await killed.ended
    const released = await bob.fleet('lock', 'release')
    expect([released.exitCode, released.stdout]).toEqual([
      0,
      expect.stringMatching(/^node\[01-03\] {2}released; it was held by .*: fleet stop/) as string,
    ])
    await bob.untilLock(isFree)
    expect((await bob.fleet('lock', 'release')).stdout).toContain('nobody holds the operator lock')
    expect(await ann.fleet('start', '--insecure-http')).toMatchObject({ exitCode: 0 })
  }, 120_000)

  it('does not keep anybody from the other hosts when one is off', async () => {
    await lab.kill(2)
    const { exitCode, stderr } = await ann.fleet('start', '--insecure-http')
    expect(exitCode).toBe(3)
    expect(stderr).toMatch(/failed node02: /)
    await lab.start(2)
    expect(await ann.fleet('start', '--insecure-http')).toMatchObject({ exitCode: 0 })
  })

  it('is nothing on a host where nothing was pushed, and stopping there makes no folder', async () => {
    await lab.run(3, 'mv ~/.fleet/locked ~/.fleet/elsewhere')
    const { exitCode, stderr } = await ann.fleet('stop', '--now', '--limit', 'node03')
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('FLEET_NODE_NO_RELEASE') as string])
    expect((await lab.run(3, 'ls ~/.fleet/locked')).exitCode).not.toBe(0)
    await lab.run(3, 'mv ~/.fleet/elsewhere ~/.fleet/locked')
  })
})
