// Operators who do not know of each other: one after the other changes the nodes, and whatever they start, however often, one slot has
// one worker.
import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { createLabJob, type LabJob } from './lab-job.ts'
import { startLab, type Lab } from './lab.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { createUsers } from './users.ts'

const NODES = 3
const SLOTS = 11
const USERS = 200
const STARTS_EACH = 4

describeOnLab('two operators with the same job on the same hosts', () => {
  let lab: Lab
  let nginx: Nginx
  let jobs: LabJob[]

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES })
    const source = join(lab.shared.here, 'source')
    const ids = await createUsers(source, USERS)
    nginx = await startNginx({ root: source, address: lab.controlAddress })
    jobs = []
    for (let operator = 0; operator < 2; operator++) {
      const job = await createLabJob({ lab, slots: SLOTS, sourceUrl: nginx.url, pause: 1 })
      // Each has a ledger of its own, which promises nothing about the other's: so each has users of its own.
      const own = ids.filter((_, index) => index % 2 === operator)
      await writeFile(join(job.folder, 'users.txt'), own.map((id) => `${id}\n`).join(''))
      jobs.push(job)
    }
  }, 120_000)

  afterAll(async () => {
    for (const job of jobs) await job[Symbol.asyncDispose]()
    await nginx.dispose()
    await lab.dispose()
  }, 60_000)

  /** Of both operators, all at once. */
  const startAtOnce = (...args: readonly string[]) =>
    Promise.all(jobs.flatMap((job) => Array.from({ length: STARTS_EACH }, () => job.fleet('start', ...args))))

  it('let one of them win who push or start at once, and tell the others who it is', async () => {
    const pushes = await Promise.all(jobs.map((job) => job.fleet('push')))
    const starts = await startAtOnce()
    for (const runs of [pushes, starts]) {
      expect(runs.map(({ exitCode }) => exitCode)).toContain(0)
      for (const { exitCode, stderr } of runs.filter((run) => run.exitCode !== 0)) {
        expect([exitCode, stderr]).toEqual([5, expect.stringContaining('FLEET_LOCK_HELD') as string])
        expect(stderr).toMatch(/held by \S+@\S+ since \S+Z.*: fleet (?:push|start)/)
      }
    }
  }, 300_000)

  it('never have two workers in a slot after many starts at once, each of which waits for its turn', async () => {
    const starts = await startAtOnce('--lock-wait', '5m')
    expect(starts.filter((start) => start.exitCode !== 0).map((start) => start.stderr)).toEqual([])
    for (const job of jobs) expect((await job.fleet('ids', 'add', 'users.txt')).exitCode).toBe(0)

    for (let node = 1; node <= NODES; node++) {
      const supervisors = lab.processes(node).filter((process) => process.command.includes('/slot.sh '))
      expect(new Set(supervisors.map((process) => process.command)).size).toBe(SLOTS)
    }
    // Both sets of workers were told to work; the later one won each node. Whoever serves must serve alone in its slot.
    const [first, second] = jobs
    if (first === undefined || second === undefined) throw new Error('expected two jobs')
    await Promise.race([first.untilFinished(240_000), second.untilFinished(240_000)])
    expect(await first.overlaps()).toBe('')
  }, 600_000)
})
