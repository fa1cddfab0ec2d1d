// fleet dispatcher: serve in the foreground, or start and stop the supervised one on this machine.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { loadConfig, parseListen, type FleetConfig } from '../../config/index.ts'
import { FleetError, parseDuration, parseJobName, systemClock, type JobName } from '../../core/index.ts'
import { createRetryPolicy, loadTokens, startDispatcher } from '../../dispatcher/index.ts'
import { controlPaths, controlUrl, operatorClient, startDispatcherHere, stopDispatcherHere } from '../../fleet/index.ts'
import { openSqliteLedger } from '../../ledger/index.ts'
import { outputOf, type CommonOptions } from '../options.ts'
import { ExitCode } from '../exit-code.ts'
import { dispatcherText, idsText } from '../output/status-table.ts'
import { serveCommand } from '../serve-command.ts'
import { VERSION } from '../version.ts'

export interface ServeOptions extends CommonOptions {
  readonly job?: string
  readonly ledger?: string
  readonly listen?: string
  readonly lease?: string
  readonly insecureHttp?: boolean
  /** Run by the kit: a wrong configuration is told by exit code 100, so that it is not tried again for ever. */
  readonly supervised?: boolean
}

interface Serving {
  readonly job: JobName
  readonly ledger: string
  readonly tokens: string
  readonly listen: { readonly address: string; readonly port: number }
  readonly leaseMs: number
  readonly failures: number
  readonly crashes: number
  readonly backoffMs: readonly [number, number]
}

/** The kit's exit code for "configuration is wrong: stay down and say so". */
const MISCONFIGURED = 100
/** 128 + 15: stopped by TERM, which is not the job's end: a supervisor may start it again. */
const TERMINATED = 143

export async function serve(options: ServeOptions): Promise<number> {
  try {
    return await serveUntilStopped(options)
  } catch (error) {
    if (
      options.supervised === true &&
      error instanceof FleetError &&
      /^FLEET_(?:CONFIG|CLI|DISPATCHER_INSECURE)/.test(error.code)
    ) {
      process.stderr.write(`${error.message}\n${error.remedy ?? ''}\n`)
      return MISCONFIGURED
    }
    throw error
  }
}

async function serveUntilStopped(options: ServeOptions): Promise<number> {
  const serving = await whatToServe(options)
  await mkdir(dirname(serving.ledger), { recursive: true, mode: 0o700 })
  const stopped = untilSignal()
  const tokens = await loadTokens(serving.tokens)
  const ledger = await openSqliteLedger({
    file: serving.ledger,
    policy: createRetryPolicy(serving),
    clock: systemClock,
    random: Math.random,
  })
  try {
    const dispatcher = await startDispatcher({
      ledger,
      job: serving.job,
      listen: serving.listen,
      operatorToken: tokens.operator,
      workerToken: tokens.worker,
      leaseMs: serving.leaseMs,
      clock: systemClock,
      random: Math.random,
      insecureHttp: options.insecureHttp ?? false,
      version: VERSION,
    })
    const ready = {
      url: dispatcher.url,
      operator_token_file: tokens.operatorFile,
      worker_token_file: tokens.workerFile,
    }
    process.stdout.write(`${JSON.stringify(ready)}\n`)
    const signal = await stopped
    await dispatcher.close()
    return signal === 'SIGINT' ? ExitCode.interrupted : TERMINATED
  } finally {
    await ledger.close()
  }
}

export interface ControlOptions extends CommonOptions {
  readonly insecureHttp?: boolean
}

export async function startCommand(options: ControlOptions): Promise<ExitCode> {
  const config = loadConfig(resolve(options.config))
  const launched = await startDispatcherHere({
    config,
    command: serveCommand(config, options.insecureHttp ?? false),
    clock: systemClock,
    generation: systemClock.nowMs(),
    waitMs: 20_000,
  })
  const output = outputOf(options)
  output.result(`dispatcher ${launched === 'started' ? 'started' : 'already running'} at ${controlUrl(config)}`)
  output.json({ schema: 'fleet.dispatcher.start/1', url: controlUrl(config), was_running: launched === 'running' })
  return ExitCode.ok
}

export async function stopCommand(options: CommonOptions): Promise<ExitCode> {
  await stopDispatcherHere(loadConfig(resolve(options.config)), systemClock)
  const output = outputOf(options)
  output.result('dispatcher stopped; workers wait for it, and go on when it is back')
  output.json({ schema: 'fleet.dispatcher.stop/1' })
  return ExitCode.ok
}

export async function statusCommand(options: CommonOptions): Promise<ExitCode> {
  return withOperator(options, async (config, client) => {
    const output = outputOf(options)
    const status = await client.status()
    output.result(dispatcherText({ url: controlUrl(config), status }, output.style))
    output.result(idsText(status.ids))
    output.json(status)
  })
}

export async function pauseCommand(options: CommonOptions, isPaused: boolean): Promise<ExitCode> {
  return withOperator(options, async (_config, client) => {
    await (isPaused ? client.pause() : client.resume())
    outputOf(options).result(isPaused ? 'paused: no new IDs are handed out; those in work are finished' : 'resumed')
  })
}

async function withOperator(
  options: CommonOptions,
  work: (config: FleetConfig, client: Awaited<ReturnType<typeof operatorClient>>) => Promise<void>,
): Promise<ExitCode> {
  const config = loadConfig(resolve(options.config))
  const client = await operatorClient(config)
  try {
    await work(config, client)
    return ExitCode.ok
  } finally {
    await client.close()
  }
}

/** fleet.yml, with what the command line says on top; or the command line alone. */
async function whatToServe(options: ServeOptions): Promise<Serving> {
  const alone = options.job !== undefined && options.ledger !== undefined
  if (!existsSync(resolve(options.config)) && !alone) {
    throw new FleetError(
      'FLEET_CLI_BAD_OPTION',
      `there is no ${options.config}, so --job and --ledger must say what to serve`,
      {
        remedy: 'fleet dispatcher serve --job NAME --ledger FILE --listen 127.0.0.1:0',
      },
    )
  }
  const base = alone ? undefined : loadConfig(resolve(options.config))
  const listen = options.listen === undefined ? undefined : parseListen(options.listen)
  const leaseMs = options.lease === undefined ? undefined : parseDuration(options.lease)
  if (base === undefined) return servingAlone(options, listen, leaseMs)
  const { dispatcher, job } = base
  return {
    job,
    ledger: options.ledger === undefined ? dispatcher.ledger : resolve(options.ledger),
    tokens: controlPaths(base).folder,
    listen: listen ?? dispatcher.listen,
    leaseMs: leaseMs ?? dispatcher.leaseMs,
    failures: dispatcher.failures,
    crashes: dispatcher.crashes,
    backoffMs: dispatcher.backoffMs,
  }
}

function servingAlone(
  options: ServeOptions,
  listen: Serving['listen'] | undefined,
  leaseMs: number | undefined,
): Serving {
  const ledger = resolve(options.ledger ?? '')
  return {
    job: parseJobName(options.job ?? ''),
    ledger,
    tokens: dirname(ledger),
    listen: listen ?? { address: '127.0.0.1', port: 7070 },
    leaseMs: leaseMs ?? 300_000,
    failures: 5,
    crashes: 3,
    backoffMs: [10_000, 600_000],
  }
}

function untilSignal(): Promise<'SIGINT' | 'SIGTERM'> {
  const { promise, resolve: stop } = Promise.withResolvers<'SIGINT' | 'SIGTERM'>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stop(signal)
    })
  }
  return promise
}
