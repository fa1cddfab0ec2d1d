// One job on a lab, as an operator has it: a folder with fleet.yml and inventory.yml, and the real command line.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { Secret } from '../../src/core/index.ts'
import { createClient, type Client, type DispatcherStatus } from '../../src/protocol/index.ts'
import { runFleet, type FleetResult } from './fleet-command.ts'
import type { Lab } from './lab.ts'

const WORKER = join(import.meta.dirname, 'fixtures/guarded-worker.sh')
const MIGRATE = join(import.meta.dirname, '../../examples/photo-migration/migrate-user.sh')

export interface LabJobOptions {
  readonly lab: Lab
  readonly name?: string
  readonly slots: number
  readonly sourceUrl: string
  readonly lease?: string
  /** Seconds that every ID takes at least. */
  readonly pause?: number
  readonly user?: 'root' | 'deploy'
}

export interface LabJob extends AsyncDisposable {
  readonly folder: string
  readonly name: string
  /** Where workers put users, and where they write down what must not happen, on this machine. */
  readonly target: string
  readonly guard: string
  /** The command line. A non-zero exit is a result. */
  fleet(...args: readonly string[]): Promise<FleetResult>
  client(): Promise<Client>
  /** Resolves with the dispatcher's words when every ID is done or parked. Throws when that takes too long. */
  untilFinished(limitMs: number): Promise<DispatcherStatus>
  /** Ends the dispatcher's process with KILL and returns its pid. */
  killDispatcher(): Promise<number>
  /** Overlaps that workers have met; empty when all is well. */
  overlaps(): Promise<string>
}

/** Several jobs may share a lab and a target. */
export async function createLabJob(options: LabJobOptions): Promise<LabJob> {
  const { lab } = options
  const name = options.name ?? 'photos'
  const folder = await mkdtemp(join(tmpdir(), 'fleet-job-'))
  const target = join(lab.shared.here, 'target')
  const guard = join(lab.shared.here, 'guard')
  for (const shared of [target, guard]) {
    await mkdir(shared, { recursive: true })
    // mkdir's mode is cut by the umask, and workers may be somebody else.
    await chmod(shared, 0o777)
  }
  const port = await freePort(lab.controlAddress)
  await writeFile(join(folder, 'inventory.yml'), lab.inventoryYml(options.user))
  await writeFile(join(folder, 'fleet.yml'), fleetYml(options, name, port))
  const url = `http://${lab.controlAddress}:${port}`
  const fleet = (...args: readonly string[]): Promise<FleetResult> => runFleet(folder, argumentsFor(lab, args))
  const client = async (): Promise<Client> =>
    createClient({ url, token: new Secret((await readFile(join(folder, '.fleet/operator.token'), 'utf8')).trim()) })
  return {
    folder,
    name,
    target,
    guard,
    fleet,
    client,
    untilFinished: (limitMs) => untilFinished(client, limitMs),
    killDispatcher: () => killDispatcher(folder),
    overlaps: () => readFile(join(guard, 'overlaps'), 'utf8').catch(() => ''),
    [Symbol.asyncDispose]: async () => {
      await fleet('dispatcher', 'stop')
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

function fleetYml(options: LabJobOptions, name: string, port: number): string {
  const { lab } = options
  const shared = lab.shared.onNodes
  const env = {
    SOURCE_URL: `${options.sourceUrl}/`,
    TARGET: `${shared}/target`,
    GUARD: `${shared}/guard`,
    PAUSE: String(options.pause ?? 0),
  }
  return `job: ${name}
release: { files: [${JSON.stringify(WORKER)}, ${JSON.stringify(MIGRATE)}] }
worker:
  kind: exec
  command: [./guarded-worker.sh, "{id}"]
  slots: ${options.slots}
  env: ${JSON.stringify(env)}
  grace: 3s
dispatcher:
  listen: ${lab.controlAddress}:${port}
  lease: ${options.lease ?? '60s'}
  failures: 10
  crashes: 10
  backoff: [1s, 5s]
`
}

const OVER_THE_NODES = new Set(['push', 'start', 'stop', 'status', 'check', 'exec'])

function argumentsFor(lab: Lab, args: readonly string[]): readonly string[] {
  const [command = '', ...rest] = args
  const nodeOptions =
    OVER_THE_NODES.has(command) && !args.includes('--known-hosts') ? ['--known-hosts', lab.knownHostsFile] : []
  const insecure = command === 'start' || (command === 'dispatcher' && args[1] === 'start') ? ['--insecure-http'] : []
  return command === 'dispatcher' ? [...args, ...insecure] : [command, ...nodeOptions, ...insecure, ...rest]
}

async function untilFinished(connect: () => Promise<Client>, limitMs: number): Promise<DispatcherStatus> {
  const deadlineMs = performance.now() + limitMs
  const client = await connect()
  try {
    for (;;) {
      // While the dispatcher is being restarted it does not answer: that is part of some tests.
      const status = await client.status().catch(() => undefined)
      if (status?.state === 'finished') return status
      if (performance.now() > deadlineMs)
        throw new Error(`expected the job to finish within ${limitMs} ms, it is at ${JSON.stringify(status)}`)
      await sleep(200)
    }
  } finally {
    await client.close()
  }
}

async function killDispatcher(folder: string): Promise<number> {
  const identity = await readFile(join(folder, '.fleet/dispatcher/slots/p01/worker'), 'utf8')
  const pid = Number(identity.trim().split(/\s+/)[0])
  process.kill(pid, 'SIGKILL')
  return pid
}
