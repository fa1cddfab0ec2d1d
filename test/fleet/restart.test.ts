// Restarting the slots of a node, with the real kit and real processes.
import { writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { parseNodeName, systemClock } from '../../src/core/index.ts'
import { holdConnections } from '../../src/fleet/holding-transport.ts'
import type { FleetNode } from '../../src/fleet/index.ts'
import { restartNode, type RestartPlan } from '../../src/fleet/restart.ts'
import {
  createLocalConnection,
  createSsh2Transport,
  generateKeyPair,
  startLoopbackNode,
  type Transport,
} from '../../src/ssh/index.ts'
import { JobOnDisk, until } from '../node/job-on-disk.ts'
import { shellsHere } from '../node/shells.ts'
import { errorOf } from '../ssh/workbench.ts'

const [shell] = shellsHere()

// Lives until it is told to end, and then until the file `go` is there.
const WORKER = `#!/bin/sh
trap 'asked=yes' TERM
until [ -n "$asked" ] && [ -e "$PLACE/go" ]; do sleep 0.05; done
`

describe.skipIf(shell === undefined)('restarting a node', { timeout: 60_000 }, () => {
  const open: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
  })

  const createJob = async (slots: number): Promise<JobOnDisk> => {
    if (shell === undefined) throw new Error('no shell')
    const job = new JobOnDisk({ shell, files: { worker: WORKER } })
    open.push(job)
    await job.want({ slots })
    for (let slot = 1; slot <= slots; slot++) await job.untilSlot(({ state }) => state === 'running', `p0${slot}`)
    return job
  }
  const letGo = (job: JobOnDisk): void => {
    writeFileSync(join(job.home, 'go'), '')
  }
  const here: Transport = {
    connect: async ({ node }) => Promise.resolve(createLocalConnection(node)),
    close: async () => Promise.resolve(),
  }
  const nodeOf = (job: JobOnDisk, changes: Partial<FleetNode['target']> = {}): FleetNode => ({
    node: parseNodeName('node07'),
    target: { node: parseNodeName('node07'), address: '127.0.0.1', port: 1, user: 'demo', identities: [], ...changes },
    base: job.base,
    slots: 2,
    env: {},
  })
  const plan = (changes: Partial<RestartPlan> = {}): RestartPlan => ({
    transport: here,
    clock: systemClock,
    drainMs: 20_000,
    supervisorsMs: 20_000,
    claim: async () => Promise.resolve('unlocked'),
    ...changes,
  })
  const desired = (job: JobOnDisk): string => readFileSync(join(job.base, 'etc/desired'), 'utf8')

  it('lets every slot finish, and starts each again from what is current', async () => {
    const job = await createJob(2)
    job.release('r2', { worker: WORKER })
    const before = [job.livePid('worker', 'p01'), job.livePid('worker', 'p02')]
    letGo(job)
    expect(await restartNode(nodeOf(job), plan())).toBe(2)
    for (const slot of ['p01', 'p02']) {
      await job.untilSlot(({ state, release }) => state === 'running' && release === 'r2', slot)
      expect(before).not.toContain(job.pid('worker', slot))
    }
    expect(desired(job)).toMatch(/^state=up\nmode=drain\nslots=2\ngeneration=\d{13}\n$/)
  })

  it('leaves a node down that is to be down', async () => {
    const job = await createJob(1)
    letGo(job)
    await job.want({ state: 'down' })
    await job.untilSlot(({ state }) => state === 'down')
    const before = desired(job)
    expect(await restartNode(nodeOf(job), plan())).toBe(0)
    expect(desired(job)).toBe(before)
  })

  it('waits no longer than it may, and the slot goes on with the new release by itself', async () => {
    const job = await createJob(1)
    job.release('r2', { worker: WORKER })
    const error = await errorOf(restartNode(nodeOf(job), plan({ drainMs: 300 })), 'FLEET_NODE_STILL_RUNNING')
    expect(error.message).toBe('1 slots are still finishing their ID: p01')
    expect(desired(job)).toContain('state=up\n')
    letGo(job)
    await job.untilSlot(({ state, release }) => state === 'running' && release === 'r2')
  })

  it('waits no more once it is interrupted, and the node is to run all the same', async () => {
    const job = await createJob(1)
    const controller = new AbortController()
    const steps: string[] = []
    const restarting = restartNode(
      nodeOf(job),
      plan({
        signal: controller.signal,
        step: (what) => {
          steps.push(what)
          if (what.startsWith('draining: ')) controller.abort()
        },
      }),
    )
    await errorOf(restarting, 'FLEET_NODE_STILL_RUNNING')
    expect(steps).toEqual(['draining 1 slots', 'draining: 1 of 1 slots are finishing their ID'])
    expect(desired(job)).toContain('state=up\n')
  })

  it('brings a node up again whose connection broke while it drained', async () => {
    const job = await createJob(1)
    job.release('r2', { worker: WORKER })
    const keys = generateKeyPair('operator')
    const hostKey = generateKeyPair('host').private
    const serve = (port = 0) =>
      startLoopbackNode({
        name: parseNodeName('node07'),
        home: job.home,
        authorizedKey: keys.public,
        hostKey,
        port,
      })
    let server = await serve()
    writeFileSync(join(job.home, 'id'), keys.private, { mode: 0o600 })
    writeFileSync(join(job.home, 'known_hosts'), `${server.hostKeyLine}\n`)
    const transport = holdConnections(
      createSsh2Transport({
        knownHosts: { files: [join(job.home, 'known_hosts')], acceptNew: false },
        retries: 5,
        timers: { backoffMs: [50, 300] },
      }),
    )
    const node = nodeOf(job, { address: server.address, port: server.port, identities: [join(job.home, 'id')] })
    const restarting = restartNode(node, plan({ transport }))
    await until(() => desired(job).includes('state=down'))
    await server.close()
    server = await serve(server.port)
    letGo(job)
    expect(await restarting).toBe(1)
    await job.untilSlot(({ state, release }) => state === 'running' && release === 'r2')
    await transport.close()
    await server.close()
  })
})
