// Accounts whose login shell is none of sh's kind, or that greets whoever logs in: everything works as usual.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findProgram } from '../support/requires-program.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { createLabJob, type LabJob } from './lab-job.ts'
import { changeShell, must } from './node-changes.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { createUsers, differences } from './users.ts'

const SLOTS = 2
const USERS = 40

const fish = findProgram('fish', 'a job on nodes whose login shells are fish and tcsh')
const tcsh = findProgram('tcsh', 'a job on nodes whose login shells are fish and tcsh')

describe.skipIf(fish === undefined || tcsh === undefined)('login shells', () => {
  describeOnLab('of five kinds', () => {
    let lab: Lab
    let nginx: Nginx
    let job: LabJob
    let source: string
    let ids: string[]

    beforeAll(async () => {
      lab = await startLab({ nodes: 5 })
      await changeShell(lab, 1, fish ?? '')
      await changeShell(lab, 2, tcsh ?? '')
      await changeShell(lab, 3, fish ?? '')
      await greet(lab, 3, '.config/fish/config.fish')
      await changeShell(lab, 4, tcsh ?? '')
      await greet(lab, 4, '.cshrc')
      await changeShell(lab, 5, '/bin/bash')
      await greet(lab, 5, '.bashrc')
      source = join(lab.shared.here, 'source')
      ids = await createUsers(source, USERS)
      nginx = await startNginx({ root: source, address: lab.controlAddress })
      job = await createLabJob({ lab, slots: SLOTS, sourceUrl: nginx.url, user: 'deploy' })
    }, 60_000)

    afterAll(async () => {
      await job[Symbol.asyncDispose]()
      await nginx.dispose()
      await lab.dispose()
    }, 60_000)

    it('are no matter to a push, a job, its status and its end', async () => {
      const push = await job.fleet('push')
      expect(push.exitCode, push.stderr).toBe(0)
      const again = await job.fleet('push', '--json')
      expect(again.stdout.match(/"outcome": ?"unchanged"/g)).toHaveLength(5)
      const start = await job.fleet('start')
      expect(start.exitCode, start.stderr).toBe(0)
      await writeFile(join(job.folder, 'users.txt'), ids.map((id) => `${id}\n`).join(''))
      expect((await job.fleet('ids', 'add', 'users.txt')).exitCode).toBe(0)
      const status = await job.fleet('status', '--json')
      expect(status.exitCode, status.stderr).toBe(0)
      const done = await job.untilFinished(120_000)
      expect(done.ids).toEqual({ imported: USERS, pending: 0, leased: 0, done: USERS, parked: 0 })
      expect(await differences(source, job.target, ids)).toEqual([])
      const stop = await job.fleet('stop')
      expect(stop.exitCode, stop.stderr).toBe(0)
    }, 180_000)

    it('change neither the words nor the exit code of a command', async () => {
      const echo = await job.fleet('exec', '--json', '--', 'printf', '%s|', "it's", '$HOME', 'a  b', '!x', '~', '*', '')
      expect(echo.exitCode, echo.stderr).toBe(0)
      const { nodes } = JSON.parse(echo.stdout) as { nodes: { ok: boolean; stdout?: string }[] }
      expect(nodes).toHaveLength(5)
      for (const node of nodes) expect(JSON.stringify(node)).toContain(String.raw`it's|$HOME|a  b|!x|~|*||`)
      const exit = await job.fleet('exec', '--', 'sh', '-c', 'exit 7')
      expect(exit.exitCode).toBe(4)
      expect(exit.stdout + exit.stderr).toContain('7')
    })

    it('are named by a check', async () => {
      const check = await job.fleet('check', '--json')
      expect(check.stdout).toContain('fish')
      expect(check.stdout).toContain('tcsh')
    })
  })
})

/** Whoever logs in as deploy is greeted, on both streams. */
async function greet(lab: Lab, node: number, file: string): Promise<void> {
  const path = `/home/deploy/${file}`
  await must(
    lab,
    node,
    `mkdir -p $(dirname ${path}) && echo 'echo "Welcome to the machine, 1 2 3 {}"' >>${path} && chown -R deploy:deploy /home/deploy`,
  )
}
