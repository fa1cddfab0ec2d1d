// The same job while everything breaks that may break: workers, supervisors, a node, the network, the dispatcher.
import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { createLabJob, type LabJob } from './lab-job.ts'
import { startLab, type Lab } from './lab.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { createUsers, differences } from './users.ts'

const NODES = 5
const SLOTS = 8
const USERS = 1000
/** Long enough that the job outlives a reboot and the minute that cron may take. */
const PAUSE_SECONDS = 4
const LEASE_MS = 15_000

describeOnLab('a job with bad luck on five real hosts', () => {
  let lab: Lab
  let nginx: Nginx
  let job: LabJob
  let source: string
  let ids: string[]

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES })
    source = join(lab.shared.here, 'source')
    ids = await createUsers(source, USERS)
    nginx = await startNginx({ root: source, address: lab.controlAddress })
    job = await createLabJob({
      lab,
      slots: SLOTS,
      sourceUrl: nginx.url,
      pause: PAUSE_SECONDS,
      lease: `${LEASE_MS / 1000}s`,
    })
    await writeFile(join(job.folder, 'users.txt'), ids.map((id) => `${id}\n`).join(''))
  }, 120_000)

  afterAll(async () => {
    await job[Symbol.asyncDispose]()
    await nginx.dispose()
    await lab.dispose()
  }, 60_000)

  it('loses nothing, doubles nothing and brings every slot back by itself', async () => {
    expect((await job.fleet('push')).exitCode).toBe(0)
    expect((await job.fleet('start')).exitCode).toBe(0)
    expect((await job.fleet('ids', 'add', 'users.txt')).exitCode).toBe(0)
    const late = await leaseAndForget(job)
    await untilDone(job, 40)

    const pidsBefore = await workerPids(lab, 1)
    await killSome(lab, 1, 'p01')
    await untilDone(job, 80)
    expect((await workerPids(lab, 1)).get('p10')).toBe(pidsBefore.get('p10'))

    await job.killDispatcher()
    const cutAtMs = performance.now()
    await lab.cut(3)
    for (const node of [2, 4, 5]) await killSome(lab, node)
    await lab.reboot(2)

    await untilDone(job, 200)
    await job.killDispatcher()
    for (const node of [1, 4, 5]) await killSome(lab, node)
    await sleep(Math.max(0, LEASE_MS * 1.6 - (performance.now() - cutAtMs)))
    await lab.restore(3)

    // Nobody touches node02: cron alone brings its slots back.
    await untilRunning(lab, 2, SLOTS)

    const done = await job.untilFinished(400_000)
    expect(done.ids).toEqual({ imported: USERS, pending: 0, leased: 0, done: USERS, parked: 0 })
    expect(await job.overlaps()).toBe('')
    expect(await differences(source, job.target, ids)).toEqual([])

    await settleLate(job, late)
    const client = await job.client()
    const after = await client.status()
    await client.close()
    expect(after.stale_calls).toBeGreaterThanOrEqual(1)
    expect(after.ids).toEqual(done.ids)
  }, 600_000)

  it('has the output of workers that cron started, both streams, in the job’s own folder', async () => {
    const log = await lab.run(
      2,
      'cat /root/.fleet/photos/slots/p*/out.log; cat /root/.fleet/photos/slots/p*/supervisor.log | tail -n 40',
    )
    expect(/^stdout of /m.test(log.stdout)).toBe(true)
    expect(/^stderr of /m.test(log.stdout)).toBe(true)
    const status = await job.fleet('status')
    expect(status.stdout).toMatch(/node02 +up/)
    process.stderr.write(`${status.stdout}\n`)
  })

  it('leaves cron’s table as it was found but for its own line', async () => {
    const table = await lab.run(2, 'crontab -l')
    expect(table.stdout.split('\n').filter((line) => line.includes('# fleet:photos'))).toHaveLength(1)
  })
})

/** Takes a lease like a worker that then falls silent, and returns it. */
async function leaseAndForget(job: LabJob): Promise<{ id: string; fence: number }> {
  const client = await job.client()
  try {
    const answer = await client.lease({ slot: 'ghost/p01', instance: 'silent', waitMs: 10_000 })
    if (answer.kind !== 'leased') throw new Error(`expected a lease, got ${answer.kind}`)
    return answer.lease
  } finally {
    await client.close()
  }
}

/** Settles it long after it expired: refused, and nothing changes. */
async function settleLate(job: LabJob, lease: { id: string; fence: number }): Promise<void> {
  const client = await job.client()
  try {
    expect(await client.complete(lease)).toEqual({ kind: 'stale' })
  } finally {
    await client.close()
  }
}

async function untilDone(job: LabJob, count: number): Promise<void> {
  const client = await job.client()
  try {
    const deadlineMs = performance.now() + 120_000
    for (;;) {
      const status = await client.status().catch(() => undefined)
      if (status !== undefined && status.ids.done >= count) return
      if (performance.now() > deadlineMs)
        throw new Error(`expected ${count} IDs done, it is at ${JSON.stringify(status?.ids)}`)
      await sleep(200)
    }
  } finally {
    await client.close()
  }
}

const SLOT_FILES = '/root/.fleet/photos/slots'

async function workerPids(lab: Lab, node: number): Promise<Map<string, string>> {
  const result = await lab.run(
    node,
    `cd ${SLOT_FILES} && for slot in *; do echo "$slot $(cut -d' ' -f1 $slot/worker)"; done`,
  )
  return new Map(
    result.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  )
}

/** KILL to a worker, a supervisor, and a running command of some slots of a node. */
async function killSome(lab: Lab, node: number, slot?: string): Promise<void> {
  const victims =
    slot === undefined ? ['p02/worker', 'p03/supervisor', 'p05/child', 'p07/supervisor p07/worker'] : [`${slot}/worker`]
  const files = victims.flatMap((victim) => victim.split(' ')).map((file) => `${SLOT_FILES}/${file}`)
  await lab.run(node, `for file in ${files.join(' ')}; do kill -9 $(cut -d' ' -f1 $file); done`)
}

/** Waits until so many supervisors of a node hold their locks, without any command to the node but looking. */
async function untilRunning(lab: Lab, node: number, count: number): Promise<void> {
  const deadlineMs = performance.now() + 150_000
  for (;;) {
    const running = lab.processes(node).filter((process) => process.command.includes('slot.sh')).length
    if (running >= count) return
    if (performance.now() > deadlineMs)
      throw new Error(`expected ${count} supervisors on node ${node}, found ${running}`)
    await sleep(500)
  }
}
