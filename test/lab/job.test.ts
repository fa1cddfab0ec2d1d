// The whole way on real hosts: push, start, and a thousand users through the dispatcher.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { createLabJob, type LabJob } from './lab-job.ts'
import { startLab, type Lab } from './lab.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { createUsers, differences } from './users.ts'

const NODES = 5
const SLOTS = 8
const USERS = 1000

describeOnLab('a job on five real hosts', () => {
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
    job = await createLabJob({ lab, slots: SLOTS, sourceUrl: nginx.url, user: 'deploy' })
  }, 120_000)

  afterAll(async () => {
    await job[Symbol.asyncDispose]()
    await nginx.dispose()
    await lab.dispose()
  }, 60_000)

  it('refuses a host whose key is not known, and says how to accept it', async () => {
    const result = await job.fleet('push', '--limit', 'node01', '--known-hosts', '/dev/null')
    expect(result.exitCode).toBe(4)
    expect(result.stderr).toContain('FLEET_SSH_HOST_KEY_UNKNOWN')
    expect(result.stderr).toContain('SHA256:')
    expect(result.stderr).toContain('--accept-new')
  })

  it('names the missing push when a job is started on nodes that have no release', async () => {
    const result = await job.fleet('start')
    expect(result.exitCode).toBe(4)
    expect(result.stderr).toContain('fleet push')
  })

  it('pushes, and sends nothing when the same release is pushed again', async () => {
    const first = await job.fleet('push', '--json')
    expect(first.stderr).not.toContain('failed')
    expect(first.exitCode).toBe(0)
    expect(outcomes(first.stdout)).toEqual(Array(NODES).fill('pushed'))
    const second = await job.fleet('push', '--json', '--parallel', '1')
    expect(outcomes(second.stdout)).toEqual(Array(NODES).fill('unchanged'))
  })

  it('starts every slot and moves every user, byte for byte, to the right place', async () => {
    const start = await job.fleet('start')
    expect(start.stderr).toContain('listens on')
    expect(start.exitCode, start.stderr).toBe(0)
    expect(start.stdout.match(/node0\d +8 +cron/g)).toHaveLength(NODES)

    const file = join(lab.shared.here, 'users.txt')
    await writeLines(file, ids)
    const added = await job.fleet('ids', 'add', file)
    expect(added.stdout).toContain('1,000 added, 0 already there, 0 refused')
    const again = await job.fleet('ids', 'add', file)
    expect(again.stdout).toContain('0 added, 1,000 already there, 0 refused')

    const done = await job.untilFinished(300_000)
    expect(done.ids).toEqual({ imported: USERS, pending: 0, leased: 0, done: USERS, parked: 0 })
    expect(await differences(source, job.target, ids)).toEqual([])
    expect(await job.overlaps()).toBe('')
  }, 330_000)

  it('shows it all in one table and in JSON', async () => {
    const table = await job.fleet('status')
    expect(table.exitCode).toBe(0)
    expect(table.stdout).toMatch(/node05 +up/)
    expect(table.stdout).toContain('1,000 imported = 0 pending + 0 leased + 1,000 done + 0 parked')
    const status: unknown = JSON.parse((await job.fleet('status', '--json')).stdout)
    expect(status).toMatchObject({
      schema: 'fleet.status/1',
      job: 'photos',
      totals: { slots: { wanted: NODES * SLOTS }, done: USERS },
    })
  })

  it('keeps both streams of every worker in the job’s own folder', async () => {
    const log = await lab.run(1, 'cat /home/deploy/.fleet/photos/slots/p*/out.log')
    expect(/^stdout of user/m.test(log.stdout)).toBe(true)
    expect(/^stderr of user/m.test(log.stdout)).toBe(true)
  })

  it('drains and stops, and leaves no worker behind', async () => {
    const stop = await job.fleet('stop')
    expect(stop.exitCode, stop.stderr).toBe(0)
    for (let node = 1; node <= NODES; node++) {
      const ofJob = lab.processes(node).filter((process) => /slot\.sh|run\.sh|guarded-worker/.test(process.command))
      expect(ofJob).toEqual([])
    }
  })
})

function outcomes(stdout: string): unknown[] {
  const document = JSON.parse(stdout) as { nodes: { outcome?: string }[] }
  return document.nodes.map((node) => node.outcome)
}

async function writeLines(file: string, lines: readonly string[]): Promise<void> {
  const { writeFile } = await import('node:fs/promises')
  await writeFile(file, lines.map((line) => `${line}\n`).join(''))
  expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(lines.length + 1)
}
