// Nodes whose sh is BusyBox: what fleet puts there and what it runs there does its work all the same.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findTrixie } from '../support/trixie.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { createLabJob, type LabJob } from './lab-job.ts'
import { must } from './node-changes.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { createUsers, differences } from './users.ts'

const NODES = 2
const USERS = 60

const tree = findTrixie('a job on nodes whose sh is BusyBox 1.37')

describe.skipIf(tree === undefined)('with BusyBox 1.37 as sh', () => {
  describeOnLab('on the nodes', () => {
    let lab: Lab
    let nginx: Nginx
    let job: LabJob
    let source: string
    let ids: string[]

    beforeAll(async () => {
      lab = await startLab({ nodes: NODES, ...(tree === undefined ? {} : { tree }) })
      // /bin/sh is a link to dash; a program in its place is seen by this node only, and gone after a reboot.
      for (let node = 1; node <= NODES; node += 1) await must(lab, node, 'mount --bind /usr/bin/busybox /usr/bin/dash')
      source = join(lab.shared.here, 'source')
      ids = await createUsers(source, USERS)
      nginx = await startNginx({ root: source, address: lab.controlAddress })
      job = await createLabJob({ lab, slots: 3, sourceUrl: nginx.url, user: 'deploy' })
    }, 60_000)

    afterAll(async () => {
      await job[Symbol.asyncDispose]()
      await nginx.dispose()
      await lab.dispose()
    }, 60_000)

    it('is what answers', async () => {
      const shell = await job.fleet('exec', '--', 'readlink /proc/$$/exe')
      expect(shell.exitCode, shell.stderr).toBe(0)
      expect(shell.stdout).toContain('dash')
      expect(await must(lab, 1, 'sh --help 2>&1 | head -n 1')).toContain('BusyBox v1.37')
    })

    it('changes neither the words nor the exit code of a command', async () => {
      const echo = await job.fleet('exec', '--', 'printf', '%s|', "it's", '$HOME', 'a  b', '!x', '~', '*', '')
      expect(echo.stdout).toContain("it's|$HOME|a  b|!x|~|*||")
      const exit = await job.fleet('exec', '--json', '--', 'sh', '-c', 'exit 7')
      expect(exit.stdout).toContain('"exit_code":7')
    })

    it('is no matter to a check, a push, a job, its status and its end', async () => {
      const check = await job.fleet('check', '--json')
      expect(check.exitCode, check.stdout + check.stderr).toBeLessThanOrEqual(3)
      expect(check.stdout).not.toContain('FLEET_NODE_BAD_FACTS')
      const push = await job.fleet('push')
      expect(push.exitCode, push.stderr).toBe(0)
      const start = await job.fleet('start')
      expect(start.exitCode, start.stderr).toBe(0)
      await writeFile(join(job.folder, 'users.txt'), ids.map((id) => `${id}\n`).join(''))
      expect((await job.fleet('ids', 'add', 'users.txt')).exitCode).toBe(0)
      const done = await job.untilFinished(120_000)
      expect(done.ids).toEqual({ imported: USERS, pending: 0, leased: 0, done: USERS, parked: 0 })
      expect(await differences(source, job.target, ids)).toEqual([])
      const status = await job.fleet('status', '--json')
      expect(status.exitCode, status.stderr).toBe(0)
      const stop = await job.fleet('stop')
      expect(stop.exitCode, stop.stderr).toBe(0)
    }, 180_000)
  })
})
