// The everyday use, once, through bin/fleet: push, start, ids, status, stop, on nodes inside this process. No root, no sshd.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDemoNodes, type DemoNodes } from '../../src/demo/index.ts'
import { pidsMentioning, until } from '../node/job-on-disk.ts'
import { isMissing } from '../support/requires-program.ts'
import { createJobFolder, type JobFolder } from './job-folder.ts'
import { freePort } from '../support/free-port.ts'

// Each ID says how it wants to end.
const WORKER = `#!/bin/sh
case $FLEET_ID in
  good*) echo "$FLEET_NODE $FLEET_SLOT" >"$PLACE/$FLEET_ID" ;;
  later*) [ -e "$PLACE/$FLEET_ID.seen" ] && exit 0; : >"$PLACE/$FLEET_ID.seen"; exit 75 ;;
  never*) echo 'this user is gone' >&2; exit 100 ;;
  bad*) echo 'out of luck' >&2; exit 3 ;;
esac
`

describe.skipIf(isMissing('curl', 'a job from push to stop'))('a job on two nodes', { timeout: 90_000 }, () => {
  let job: JobFolder
  let nodes: DemoNodes
  const flags = () => ['--known-hosts', nodes.knownHostsFile]

  beforeAll(async () => {
    job = createJobFolder()
    nodes = await startDemoNodes(job.folder, 2)
    mkdirSync(join(job.folder, 'place'))
    job.write('main.sh', WORKER, 0o755)
    job.write(
      'fleet.yml',
      `job: trial
release: { files: [main.sh] }
worker: { command: [./main.sh, "{id}"], slots: 2, keeper: none, grace: 1s, env: { PLACE: ${JSON.stringify(join(job.folder, 'place'))} } }
dispatcher: { listen: "127.0.0.1:${await freePort()}", lease: 30s, failures: 2, backoff: [100ms, 200ms] }
ssh: { retries: 1 }
`,
    )
  })
  afterAll(async () => {
    await job.fleet(['stop', '--now', '--dispatcher', ...flags()])
    await nodes.close()
    job.remove()
    expect(pidsMentioning(job.folder)).toEqual([])
  })

  const status = async (): Promise<unknown> => job.json(['status', ...flags()])
  const totals = async (): Promise<Record<string, number>> => {
    const found = (await status()) as { dispatcher: { ids?: Record<string, number> } }
    return found.dispatcher.ids ?? {}
  }

  it('does not start where nothing was pushed, and says so of every node', async () => {
    const started = await job.fleet(['start', ...flags()])
    expect(started).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/failed node\[01-02\]: .*FLEET_NODE_NO_RELEASE/s) as string,
    })
  })

  it('is pushed, and sent only once', async () => {
    const first = await job.fleet(['push', ...flags()])
    expect(first.stderr).toContain('push node01: ok')
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/node01 +pushed +\S+ KiB +[0-9a-f]{12}\n/) as string,
    })
    expect(await job.json(['push', ...flags()])).toMatchObject({
      schema: 'fleet.push/1',
      nodes: [
        { node: 'node01', ok: true, outcome: 'unchanged', sent_bytes: 0 },
        { node: 'node02', ok: true, outcome: 'unchanged', sent_bytes: 0 },
      ],
    })
  })

  it('starts, works off every ID, and keeps the history of each', async () => {
    expect(await job.fleet(['start', ...flags()])).toMatchObject({ code: 0 })
    const list = [...Array.from({ length: 20 }, (_, index) => `good ${index}`), 'later', 'never', 'bad']
    expect(await job.fleet(['ids', 'add', '-'], { input: `${list.join('\n')}\n` })).toMatchObject({ code: 0 })
    await until(async () => {
      const ids = await totals()
      return ids['done'] === 21 && ids['parked'] === 2
    })
    const outcomes = async (id: string): Promise<unknown> => {
      const shown = (await job.json(['ids', 'show', id])) as {
        state: string
        attempts: { outcome: string; message?: string }[]
      }
      return [
        shown.state,
        ...shown.attempts.map(
          ({ outcome, message }) => `${outcome}${message === undefined ? '' : `: ${message.trim()}`}`,
        ),
      ]
    }
    expect(await outcomes('good 7')).toEqual(['done', 'completed'])
    expect(await outcomes('later')).toEqual(['done', 'released', 'completed'])
    expect(await outcomes('never')).toEqual(['parked', expect.stringMatching(/^failed: .*this user is gone/)])
    expect(await outcomes('bad')).toEqual([
      'parked',
      expect.stringMatching(/^failed: .*out of luck/),
      expect.stringMatching(/^failed: .*out of luck/),
    ])
  })

  it('shows the same in one table, and can be looked at through a pipe that closes', async () => {
    const shown = await job.fleet(['status', ...flags()])
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toMatch(/^NODE +STATE +SLOTS/)
    expect(shown.stdout).toContain('23 imported = 0 pending + 0 leased + 21 done + 2 parked')
    expect(await status()).toMatchObject({
      schema: 'fleet.status/1',
      job: 'trial',
      totals: { done: 21, failed: 3 },
      nodes: [
        { node: 'node01', state: 'up' },
        { node: 'node02', state: 'up' },
      ],
    })
  })

  it('ends with 3 and still shows the rest when one node does not answer', async () => {
    const known = readFileSync(nodes.inventoryFile, 'utf8')
    const inventory = job.write('more.yml', `${known}  lost: { address: 127.0.0.1, port: ${await freePort()} }\n`)
    expect(await job.fleet(['status', '--hosts', inventory, ...flags()])).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/node01 +up[^]*lost +unreachable/) as string,
      stderr: expect.stringContaining('FLEET_SSH_REFUSED') as string,
    })
  })

  it('stops, with the dispatcher, and stopping again is harmless', async () => {
    expect(await job.fleet(['stop', '--dispatcher', ...flags()])).toMatchObject({
      code: 0,
      stdout: 'node01  stopped, 2 slots down\nnode02  stopped, 2 slots down\n',
    })
    expect(await job.fleet(['stop', '--dispatcher', ...flags()])).toMatchObject({ code: 0 })
    expect(await job.fleet(['status', ...flags()])).toMatchObject({
      code: 6,
      stdout: expect.stringMatching(/node01 +down/) as string,
    })
    expect(pidsMentioning(job.folder)).toEqual([])
  })
})
