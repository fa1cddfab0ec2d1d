// The dispatcher on the control machine, kept alive by the same programs as the workers.
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig, type FleetConfig } from '../../src/config/index.ts'
import { systemClock } from '../../src/core/index.ts'
import {
  controlPaths,
  controlUrl,
  operatorClient,
  startDispatcherHere,
  stopDispatcherHere,
  urlForNode,
} from '../../src/fleet/index.ts'
import { createJobFolder, FLEET, type JobFolder } from '../cli/job-folder.ts'
import { freePort } from '../support/free-port.ts'
import { isAlive, pidsMentioning, tryKill, until } from '../node/job-on-disk.ts'

let job: JobFolder
let config: FleetConfig

beforeEach(async () => {
  job = createJobFolder()
  const file = job.write(
    'fleet.yml',
    `job: photos\nworker: { command: ["true"] }\ndispatcher: { listen: "127.0.0.1:${await freePort()}" }\n`,
  )
  config = loadConfig(file)
})
afterEach(async () => {
  await stopDispatcherHere(config, systemClock).catch(() => undefined)
  const left = pidsMentioning(job.folder)
  for (const pid of left) tryKill(pid, 'SIGKILL')
  job.remove()
  expect(left).toEqual([])
})

const start = (waitMs = 25_000) =>
  startDispatcherHere({
    config,
    command: [FLEET, 'dispatcher', 'serve', '--config', config.file, '--supervised'],
    clock: systemClock,
    generation: systemClock.nowMs(),
    waitMs,
  })

/** Asks the dispatcher; undefined while it does not answer. */
async function imported(): Promise<number | undefined> {
  const client = await operatorClient(config)
  try {
    return (await client.status()).ids.imported
  } catch {
    return undefined
  } finally {
    await client.close()
  }
}

function workerPid(): number {
  return Number(readFileSync(join(controlPaths(config).base, 'slots/p01/worker'), 'utf8').split(' ')[0])
}

describe('the dispatcher here', { timeout: 90_000 }, () => {
  it('starts, is found running, comes back after KILL with its ledger, and stops without a trace', async () => {
    expect(await start()).toBe('started')
    expect(await start()).toBe('running')
    expect(statSync(controlPaths(config).folder).mode & 0o777).toBe(0o700)
    const client = await operatorClient(config)
    await client.importIds(Readable.from([Buffer.from('alice\nbob\n')]))
    await client.close()
    const pid = workerPid()
    process.kill(pid, 'SIGKILL')
    await until(() => !isAlive(pid))
    await until(async () => (await imported()) === 2)
    expect(workerPid()).not.toBe(pid)
    await stopDispatcherHere(config, systemClock)
    expect(pidsMentioning(job.folder)).toEqual([])
    await stopDispatcherHere(config, systemClock)
    expect(await start()).toBe('started')
    expect(await imported()).toBe(2)
  })

  it('is one dispatcher, however many start it at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => start()))
    expect(outcomes).toContain('started')
    const argv = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const serving = pidsMentioning(job.folder).filter(
      (pid) => (argv(pid)[0] ?? '').endsWith('/node') && argv(pid).includes('serve'),
    )
    expect(serving).toEqual([workerPid()])
  })

  it('says that its port is taken by something else', async () => {
    const server = createServer((_, response) => response.writeHead(404).end('what?'))
    server.listen(config.dispatcher.listen.port, '127.0.0.1')
    await once(server, 'listening')
    await expect(start()).rejects.toMatchObject({
      code: 'FLEET_CONTROL_PORT_TAKEN',
      message: `something else answers at ${controlUrl(config)}`,
    })
    server.closeAllConnections()
    server.close()
  })

  it('ends with the last words of its log when it cannot serve', async () => {
    job.write('.fleet/ledger.db', 'this is no ledger, but it is long enough to be looked at\n'.repeat(100))
    await expect(start(4000)).rejects.toMatchObject({
      code: 'FLEET_CONTROL_NO_DISPATCHER',
      message: expect.stringMatching(/its log ends: .*FLEET_LEDGER_FOREIGN/) as string,
    })
  })
})

describe('urlForNode', () => {
  const at = (listen: string, url?: string): FleetConfig => {
    const [address = '', port = ''] = listen.split(/:(?=\d+$)/)
    return { ...config, dispatcher: { ...config.dispatcher, listen: { address, port: Number(port) }, url } }
  }

  it('is what fleet.yml says, else where it listens, else where the node saw us', () => {
    expect(urlForNode(at('0.0.0.0:7070', 'https://x:1'), '10.0.0.9')).toBe('https://x:1')
    expect(urlForNode(at('10.0.0.5:7070'), '10.0.0.9')).toBe('http://10.0.0.5:7070')
    expect(urlForNode(at('0.0.0.0:7070'), '10.0.0.9')).toBe('http://10.0.0.9:7070')
    expect(urlForNode(at(':::7070'), 'fe80::9')).toBe('http://[fe80::9]:7070')
    expect(() => urlForNode(at('0.0.0.0:7070'), '')).toThrow(
      expect.objectContaining({ code: 'FLEET_CONTROL_NO_URL' }) as Error,
    )
  })

  it('is loopback for this machine itself where it listens everywhere', () => {
    expect(controlUrl(at('0.0.0.0:7070'))).toBe('http://127.0.0.1:7070')
    expect(controlUrl(at('::1:7070'))).toBe('http://[::1]:7070')
  })
})
