// fleet uninstall on real hosts with real cron: what it says is gone is looked for by other means, and what is not of the job stays.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { runFleet, type FleetResult } from './fleet-command.ts'
import { startLab, type Lab } from './lab.ts'
import { must } from './node-changes.ts'
import { nodesOf, outcomesOf } from './operator.ts'

const NODES = 3
const OTHERS = '0 3 * * * /usr/bin/true # mine: fleet:photos\n'

/** Takes its time with TERM, and leaves something behind that has nothing of the job open. */
const WORKER = `#!/bin/sh
trap 'sleep 0.3; exit 143' TERM
setsid sh -c 'cd / && exec sleep 3600 8>&- 9>&- >/dev/null 2>&1 </dev/null' &
while :; do sleep 3600 & wait $!; done
`

interface Job extends AsyncDisposable {
  fleet(...args: readonly string[]): Promise<FleetResult>
}

describeOnLab('fleet uninstall', () => {
  let lab: Lab

  const createJob = async (name: string, user: 'root' | 'deploy'): Promise<Job> => {
    const folder = await mkdtemp(join(tmpdir(), 'fleet-uninstall-'))
    await writeFile(join(folder, 'inventory.yml'), lab.inventoryYml(user))
    await writeFile(join(folder, 'worker'), WORKER, { mode: 0o755 })
    await writeFile(
      join(folder, 'fleet.yml'),
      JSON.stringify({
        job: name,
        release: { files: ['worker'] },
        worker: { kind: 'native', command: ['./worker'], slots: 2, grace: '5s' },
        dispatcher: { listen: `${lab.controlAddress}:${await freePort(lab.controlAddress)}` },
      }),
    )
    const fleet = (...args: readonly string[]): Promise<FleetResult> =>
      args[0] === 'dispatcher'
        ? runFleet(folder, args)
        : runFleet(folder, [...args, '--known-hosts', lab.knownHostsFile, '-F', 'none'])
    return {
      fleet,
      [Symbol.asyncDispose]: async () => {
        await fleet('dispatcher', 'stop')
        await rm(folder, { recursive: true, force: true, maxRetries: 3 })
      },
    }
  }
  const bringUp = async (job: Job): Promise<void> => {
    for (const args of [['push'], ['start', '--insecure-http']]) {
      const result = await job.fleet(...args)
      expect(result.exitCode, result.stderr).toBe(0)
    }
  }
  /** What `find`, `crontab` and `ps` show of the user there. */
  const filesOf = (node: number, home: string): Promise<string> =>
    must(lab, node, `find ${home} /tmp -mindepth 1 -not -path '*/.ssh*' | sort`)
  const cronOf = async (node: number, user: string): Promise<string> =>
    (await lab.run(node, `crontab -u ${user} -l 2>/dev/null`)).stdout
  /** But sshd, cron and the shell that init waits for. */
  const processesOf = (node: number): string[] =>
    lab
      .processes(node)
      .map(({ command }) => command)
      .filter((command) => /photos|slot\.sh|sleep 3600|\/worker/.test(command))

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES })
  }, 120_000)

  afterAll(async () => {
    await lab.dispose()
  }, 60_000)

  it.each([
    ['root', '/root'],
    ['deploy', '/home/deploy'],
  ] as const)(
    'as %s: refuses while slots run, ends and removes all with --now, and leaves nothing',
    async (user, home) => {
      await using job = await createJob('photos', user)
      for (let node = 1; node <= NODES; node++) await must(lab, node, `printf '%s' '${OTHERS}' | crontab -u ${user} -`)
      await bringUp(job)
      expect(await cronOf(1, user)).toContain('# fleet:photos\n')

      const rehearsal = await job.fleet('uninstall', '--now', '--dry-run')
      expect(rehearsal.stdout).toMatch(
        /node\[01-03\] {2}would take the line out of cron; end 2 slots; delete \/.*\/photos: /,
      )
      const refused = await job.fleet('uninstall', '--json')
      expect(refused.exitCode).toBe(4)
      expect(outcomesOf(refused)).toEqual(['node01', 'node02', 'node03'].map((node) => `${node}: FLEET_NODE_IN_USE`))
      const status = await job.fleet('status', '--json')
      expect(nodesOf(status)[2]).toMatchObject({ keeper: 'cron', slots: { running: 2 } })

      // One whose kit is broken, and one with what a killed uninstall leaves.
      await must(lab, 2, `rm -f ${home}/.fleet/photos/kit/current/status.sh`)
      await must(
        lab,
        3,
        `mkdir -p ${home}/.fleet/.removing-photos.7/releases && chmod 500 ${home}/.fleet/.removing-photos.7 && chown -R ${user} ${home}/.fleet`,
      )
      const done = await job.fleet('uninstall', '--now', '--json')
      expect(done.exitCode, done.stdout + done.stderr).toBe(0)
      expect(JSON.parse(done.stdout)).toMatchObject({ schema: 'fleet.uninstall/1' })
      for (const node of nodesOf(done)) {
        expect(node).toMatchObject({ ok: true, left: [] })
        expect(node['removed']).toEqual(
          expect.arrayContaining(['the line of cron', `${home}/.fleet/photos`, `${home}/.fleet`]),
        )
      }
      expect(done.stderr).toContain('stays, with the ledger')
      for (let node = 1; node <= NODES; node++) {
        expect(await filesOf(node, home)).toBe('')
        expect(await cronOf(node, user)).toBe(OTHERS)
        expect(processesOf(node)).toEqual([])
      }

      const again = await job.fleet('uninstall')
      expect(again.exitCode).toBe(0)
      expect(again.stdout).toBe('node[01-03]  nothing there\n')
    },
  )

  it('leaves another job on the same nodes as it is, and says that root stays', async () => {
    await using photos = await createJob('photos', 'deploy')
    await using videos = await createJob('photos-2', 'deploy')
    await bringUp(photos)
    await bringUp(videos)
    await must(lab, 1, 'mkdir /home/deploy/.fleet/.bin && chown deploy /home/deploy/.fleet/.bin')
    const stop = await photos.fleet('stop')
    expect(stop.exitCode, stop.stderr).toBe(0)
    const before = await must(lab, 1, 'cat /home/deploy/.fleet/photos-2/slots/*/worker')
    const done = await photos.fleet('uninstall', '--json')
    // What a worker left behind when it was stopped is still there: only --now ends it.
    expect(outcomesOf(done)).toEqual(['node01', 'node02', 'node03'].map((node) => `${node}: FLEET_NODE_IN_USE`))
    const ended = await photos.fleet('uninstall', '--now')
    expect(ended.exitCode, ended.stderr).toBe(0)
    expect(ended.stdout).toMatch(/^node01 .*\/home\/deploy\/\.fleet stays: it holds photos-2, \.bin$/m)
    expect(await cronOf(1, 'deploy')).toMatch(/# fleet:photos-2\n$/)
    expect(await cronOf(1, 'deploy')).not.toMatch(/keep\.sh.*# fleet:photos\n/)
    expect(await must(lab, 1, 'ls -A /home/deploy/.fleet')).toBe('.bin\ncrontab.lock\nphotos-2\n')
    expect(await must(lab, 1, 'cat /home/deploy/.fleet/photos-2/slots/*/worker')).toBe(before)
    expect(nodesOf(await videos.fleet('status', '--json'))[0]).toMatchObject({ keeper: 'cron', slots: { running: 2 } })
    expect((await videos.fleet('uninstall', '--now')).exitCode).toBe(0)
    expect(await filesOf(1, '/home/deploy')).toBe('/home/deploy/.fleet\n/home/deploy/.fleet/.bin\n')
    expect(await filesOf(2, '/home/deploy')).toBe('')
  }, 300_000)

  it('goes on with the other nodes when one is off, and finishes that one later', async () => {
    await using job = await createJob('photos', 'root')
    await bringUp(job)
    await lab.kill(2)
    const done = await job.fleet('uninstall', '--now', '--json')
    expect(done.exitCode).toBe(3)
    expect(outcomesOf(done).filter((outcome) => outcome.endsWith(': ok'))).toEqual(['node01: ok', 'node03: ok'])
    await lab.start(2)
    expect(await filesOf(1, '/root')).toBe('')
    // Cron is there again at once, and may be starting slots just now.
    const rest = await job.fleet('uninstall', '--now', '--limit', 'node02')
    expect(rest.exitCode, rest.stderr).toBe(0)
    expect(await filesOf(2, '/root')).toBe('')
    expect(processesOf(2)).toEqual([])
  })
})
