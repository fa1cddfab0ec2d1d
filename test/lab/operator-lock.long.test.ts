// The lock with its real minute: what a run that was stopped or killed leaves behind ends by itself, and who wakes late is refused.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { createLockOperator, type LockOperator } from './lock-operators.ts'

describeOnLab('an operator lock that expires', () => {
  let lab: Lab
  let ann: LockOperator
  let bob: LockOperator

  beforeAll(async () => {
    lab = await startLab({ nodes: 3 })
    ann = await createLockOperator(lab, 'of ann')
    bob = await createLockOperator(lab, 'of bob')
    expect(await bob.fleet('push')).toMatchObject({ exitCode: 0 })
  }, 120_000)

  afterAll(async () => {
    await ann[Symbol.asyncDispose]()
    await bob[Symbol.asyncDispose]()
    await lab.dispose()
  }, 90_000)

  const releases = async (): Promise<string[]> =>
    Promise.all([1, 2, 3].map(async (node) => (await lab.run(node, 'readlink ~/.fleet/locked/current')).stdout.trim()))

  it('lets a stopped push change nothing more once it wakes, though nobody took the lock', async () => {
    const before = await releases()
    const push = ann.begin('push', '--batch', '1', '--pause', '10s', '--parallel', '3')
    // The first batch is through, the second one is waited for.
    const deadlineMs = performance.now() + 60_000
    while ((await releases())[0] === before[0] && performance.now() < deadlineMs) await sleep(100)
    push.child.kill('SIGSTOP')
    const stopped = await releases()
    expect(stopped[2]).toBe(before[2])
    await bob.untilLock((nodes) => nodes.every(({ held }) => !held))
    push.child.kill('SIGCONT')
    const { exitCode, stderr } = await push.ended
    // 3 when a roll-out also has nodes that it did not come to.
    expect([3, 5]).toContain(exitCode)
    expect(stderr).toContain('FLEET_LOCK_LOST')
    expect(await releases()).toEqual(stopped)
    expect(await bob.fleet('push')).toMatchObject({ exitCode: 0 })
    expect(await releases()).toEqual(before)
  }, 240_000)

  it('ends a minute after its run was killed', async () => {
    const push = ann.begin('push', '--batch', '1', '--pause', '60s')
    await bob.untilLock((nodes) => nodes.every(({ held }) => held))
    push.child.kill('SIGKILL')
    await push.ended
    const killedMs = performance.now()
    await bob.untilLock((nodes) => nodes.every(({ held }) => !held))
    expect(performance.now() - killedMs).toBeGreaterThan(30_000)
    expect(performance.now() - killedMs).toBeLessThan(90_000)
    const { exitCode, stderr } = await bob.fleet('push')
    expect(exitCode).toBe(0)
    expect(stderr).not.toContain('taking over')
  }, 240_000)
})
