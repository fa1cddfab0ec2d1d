// The control machine's side of a job: the private folder beside fleet.yml, and the dispatcher in it, kept alive by the same
// programs as the workers. Starting it is harmless when it runs already.
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError, hostAndPort, parseNodeName, Secret, type Clock } from '../core/index.ts'
import type { FleetConfig } from '../config/index.ts'
import { keepCommand, renderWorkerFiles } from '../node/index.ts'
import { createClient, type Client } from '../protocol/index.ts'
import { createLocalConnection, type Connection } from '../ssh/index.ts'
import { run } from './fleet-node.ts'
import { pushKit } from './push/push-kit.ts'
import { kitTree } from './push/tree.ts'
import { configure, desiredFile, statusIfPresent, stopNode } from './start.ts'

/** Paths of the private folder `.fleet/`. Absolute. */
export interface ControlPaths {
  readonly folder: string
  readonly operatorToken: string
  readonly workerToken: string
  /** The base under which the kit supervises the dispatcher. */
  readonly base: string
}

const CONTROL = parseNodeName('control')

export function controlPaths(config: FleetConfig): ControlPaths {
  const folder = join(config.folder, '.fleet')
  return {
    folder,
    operatorToken: join(folder, 'operator.token'),
    workerToken: join(folder, 'worker.token'),
    base: join(folder, 'dispatcher'),
  }
}

/** How this machine itself reaches its dispatcher. */
export function controlUrl(config: FleetConfig): string {
  const { address, port } = config.dispatcher.listen
  return httpUrl(isWildcard(address) ? '127.0.0.1' : address, port)
}

/** How a node reaches the dispatcher: as fleet.yml says, else where it listens, else the address from which the node saw us come. */
export function urlForNode(config: FleetConfig, controlAddress: string): string {
  const { address, port } = config.dispatcher.listen
  if (config.dispatcher.url !== undefined) return config.dispatcher.url
  if (!isWildcard(address)) return httpUrl(address, port)
  if (controlAddress !== '') return httpUrl(controlAddress, port)
  throw new FleetError('FLEET_CONTROL_NO_URL', 'the node did not say from which address it sees this machine', {
    remedy: 'set dispatcher.url in fleet.yml to the address at which the nodes reach this machine',
  })
}

/** A client with the operator's token. Throws FLEET_CONTROL_NO_TOKEN when there is none yet. */
export async function operatorClient(config: FleetConfig): Promise<Client> {
  return createClient({ url: controlUrl(config), token: await readToken(controlPaths(config).operatorToken) })
}

export async function readToken(file: string): Promise<Secret> {
  try {
    return new Secret((await readFile(file, 'utf8')).trim())
  } catch (error) {
    throw new FleetError(
      'FLEET_CONTROL_NO_TOKEN',
      `the dispatcher was never started here: there is no token in ${file}`,
      {
        remedy: 'fleet start, or fleet dispatcher start',
        cause: error,
      },
    )
  }
}

export interface DispatcherLaunch {
  readonly config: FleetConfig
  /** argv of `fleet dispatcher serve` with everything it needs. */
  readonly command: readonly string[]
  readonly clock: Clock
  readonly generation: number
  /** How long it may take until it answers. Milliseconds. */
  readonly waitMs: number
}

/** Makes sure that the dispatcher runs and answers. Resolves with whether it had been running before. */
export async function startDispatcherHere(launch: DispatcherLaunch): Promise<'started' | 'running'> {
  const { config } = launch
  const paths = controlPaths(config)
  await mkdir(paths.folder, { recursive: true, mode: 0o700 })
  await chmod(paths.folder, 0o700)
  if ((await probe(config)) === 'ours') return 'running'
  await withLocalConnection(async (connection) => {
    await pushKit(connection, paths.base, kitTree())
    const files = renderWorkerFiles({
      job: config.job,
      node: CONTROL,
      kind: 'native',
      command: launch.command,
      env: {},
      secrets: {},
      graceMs: 10_000,
      timeoutMs: 0,
      url: controlUrl(config),
      token: new Secret(''),
    })
    const desired = desiredFile({ state: 'up', mode: 'drain', slots: 1, generation: launch.generation })
    await configure(connection, paths.base, [...files, desired], 'unlocked')
    await run(connection, keepCommand(paths.base))
    await untilItAnswers(connection, launch, paths)
  })
  return 'started'
}

/** Stops the dispatcher and its supervisor. Harmless when it does not run. */
export async function stopDispatcherHere(config: FleetConfig, clock: Clock): Promise<void> {
  await withLocalConnection(async (connection) => {
    const { base } = controlPaths(config)
    if ((await statusIfPresent(connection, base)) === undefined) return
    await stopNode(connection, base, { mode: 'now', clock, claim: 'unlocked', waitMs: 20_000 })
  })
}

async function withLocalConnection(work: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = createLocalConnection(CONTROL)
  try {
    await work(connection)
  } finally {
    await connection.close()
  }
}

async function untilItAnswers(connection: Connection, launch: DispatcherLaunch, paths: ControlPaths): Promise<void> {
  const deadlineMs = launch.clock.monotonicMs() + launch.waitMs
  while (launch.clock.monotonicMs() < deadlineMs) {
    const answer = await probe(launch.config)
    if (answer === 'ours') return
    if (answer === 'foreign') {
      throw new FleetError('FLEET_CONTROL_PORT_TAKEN', `something else answers at ${controlUrl(launch.config)}`, {
        remedy: 'give this job a port of its own: dispatcher.listen in fleet.yml',
      })
    }
    // It said itself that trying again is pointless.
    const status = await statusIfPresent(connection, paths.base)
    if (status?.slots[0]?.state === 'misconfigured') break
    await sleep(50)
  }
  const log = join(paths.base, 'slots', 'p01', 'out.log')
  const lastLines = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join('; ')
  throw new FleetError(
    'FLEET_CONTROL_NO_DISPATCHER',
    `the dispatcher did not answer at ${controlUrl(launch.config)}${lastLines === '' ? '' : `; its log ends: ${lastLines}`}`,
    {
      remedy: `look at ${log}; after a change of dispatcher.listen the running one has to go first: fleet dispatcher stop`,
    },
  )
}

/** `ours`: it accepts our token and serves our job. `foreign`: somebody answers, but not for us. */
async function probe(config: FleetConfig): Promise<'ours' | 'foreign' | 'none'> {
  let client: Client
  try {
    client = await operatorClient(config)
  } catch {
    return 'none'
  }
  try {
    const status = await client.status()
    return status.job === config.job ? 'ours' : 'foreign'
  } catch (error) {
    return error instanceof FleetError && error.retryable ? 'none' : 'foreign'
  } finally {
    await client.close()
  }
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

function httpUrl(address: string, port: number): string {
  return `http://${hostAndPort(address, port)}`
}
