// fleet start: the dispatcher here, then the workers of every node.
import { FleetError, Secret, systemClock } from '../../core/index.ts'
import { foldNodes, type FleetConfig } from '../../config/index.ts'
import {
  controlPaths,
  controlUrl,
  inspect,
  readToken,
  rollOut,
  startDispatcherHere,
  startNode,
  urlForNode,
  withConnection,
  withOperatorLock,
  type FleetNode,
  type NodeResult,
  type OperatorLock,
  type StartValue,
} from '../../fleet/index.ts'
import { REQUIRED_TOOLS, type Claim } from '../../node/index.ts'
import { nodeToken } from '../../protocol/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { sayBatch } from '../batch-steps.ts'
import { loadContext } from '../context.ts'
import { untilInterrupted } from '../interruption.ts'
import { lockOptions } from '../operator-lock.ts'
import { parseCount, type ChangingOptions } from '../options.ts'
import { exitCodeOfNodes, type ExitCode } from '../exit-code.ts'
import { nodesJson, printNodeErrors } from '../output/errors.ts'
import type { Output } from '../output/output.ts'
import { withProgress } from '../output/progress.ts'
import { table } from '../output/table.ts'
import { reportFailedNodes } from '../retry-file.ts'
import { readBatches, type BatchOptions } from '../roll-out-options.ts'
import { serveCommand } from '../serve-command.ts'

export interface StartCommandOptions extends ChangingOptions, BatchOptions {
  readonly slots?: string
  readonly insecureHttp?: boolean
}

const SUPERVISORS_WAIT_MS = 15_000
const DISPATCHER_WAIT_MS = 20_000

export function start(options: StartCommandOptions): Promise<ExitCode> {
  return untilInterrupted((signal) => startUntil(options, signal))
}

async function startUntil(options: StartCommandOptions, signal: AbortSignal): Promise<ExitCode> {
  const context = loadContext(options)
  const { config, nodes, output } = context
  const slots = parseCount('--slots', options.slots)
  const { batchesOf, maxFail } = readBatches(options, nodes)
  if (options.dryRun === true) {
    output.result(`would start the dispatcher at ${controlUrl(config)}, unless it runs`)
    for (const node of nodes) output.result(`would start ${slots ?? node.slots} slots on ${node.node}`)
    return 0
  }
  const secrets = readSecrets(config)
  const generation = systemClock.nowMs()
  const startAll = async (lock: OperatorLock): Promise<readonly NodeResult<StartValue>[]> => {
    await startDispatcher(config, options, generation, output)
    const workerToken = await readToken(controlPaths(config).workerToken)
    const all = { config, workerToken, secrets, generation, signal }
    const startOneOf = async (node: FleetNode): Promise<StartValue> => {
      const claim = lock.claimOf(node.node)
      return withConnection(context.transport, node, (connection) =>
        startOne(connection, { ...all, node, slots: slots ?? node.slots, claim }),
      )
    }
    return withProgress(
      output,
      'start',
      nodes.map((node) => node.node),
      (progress) =>
        rollOut(nodes, { batches: batchesOf(nodes), maxFail }, startOneOf, {
          parallel: context.parallel,
          progress,
          signal,
          onBatch: sayBatch(output),
        }),
    )
  }
  const results = await withOperatorLock(context.transport, nodes, lockOptions(context, options, { signal }), startAll)
  print(output, results)
  await reportFailedNodes(context, 'start', results)
  return exitCodeOfNodes(results)
}

async function startDispatcher(
  config: FleetConfig,
  options: StartCommandOptions,
  generation: number,
  output: Output,
): Promise<void> {
  const launched = await startDispatcherHere({
    config,
    command: serveCommand(config, options.insecureHttp ?? false),
    clock: systemClock,
    generation,
    waitMs: DISPATCHER_WAIT_MS,
  })
  const { address, port } = config.dispatcher.listen
  output.note(`dispatcher ${launched === 'started' ? 'started' : 'already running'}, listens on ${address}:${port}`)
}

interface StartOne {
  readonly config: FleetConfig
  readonly node: FleetNode
  readonly slots: number
  readonly workerToken: Secret
  readonly secrets: Readonly<Record<string, Secret>>
  readonly generation: number
  readonly claim: Claim
  readonly signal: AbortSignal
}

async function startOne(connection: Connection, what: StartOne): Promise<StartValue> {
  const { config, node } = what
  const { worker } = config
  const tools = worker.kind === 'exec' ? [...REQUIRED_TOOLS, 'curl'] : REQUIRED_TOOLS
  const found = await inspect(connection, node.base, { tools, programs: [] })
  if (found.currentRelease === '' || found.currentKit === '') {
    throw new FleetError('FLEET_NODE_NO_RELEASE', `job ${config.job} has no release on this node`, {
      remedy: 'push first: fleet push',
    })
  }
  if (worker.kind === 'copy')
    throw new FleetError('FLEET_CLI_BAD_OPTION', 'worker.kind copy is not available in this version')
  return startNode(connection, node.base, {
    job: config.job,
    settings: {
      job: config.job,
      node: node.node,
      kind: worker.kind,
      command: worker.command,
      env: { ...worker.env, ...node.env },
      secrets: what.secrets,
      graceMs: worker.graceMs,
      timeoutMs: worker.timeoutMs,
      url: urlForNode(config, found.controlAddress),
      token: nodeToken(what.workerToken, node.node),
      ...(config.release.runtime === undefined ? {} : { runtime: config.release.runtime }),
    },
    slots: what.slots,
    generation: what.generation,
    keeper: worker.keeper,
    clock: systemClock,
    claim: what.claim,
    waitMs: SUPERVISORS_WAIT_MS,
    signal: what.signal,
  })
}

function readSecrets(config: FleetConfig): Record<string, Secret> {
  const missing = config.worker.secrets.filter((name) => process.env[name] === undefined)
  if (missing.length > 0) {
    throw new FleetError(
      'FLEET_CLI_NO_SECRET',
      `worker.secrets names ${missing.join(', ')}, which the environment does not hold`,
      {
        remedy: `set them before the command: export ${missing[0] ?? ''}=...`,
      },
    )
  }
  return Object.fromEntries(config.worker.secrets.map((name) => [name, new Secret(process.env[name] ?? '')]))
}

/** Why nodes have no keeper, and which they are. */
function withoutKeeper(results: readonly NodeResult<StartValue>[]): Map<string, string[]> {
  const reasons = new Map<string, string[]>()
  for (const result of results) {
    if (!result.ok || result.value.keeper.kind === 'cron') continue
    const { reason } = result.value.keeper
    reasons.set(reason, [...(reasons.get(reason) ?? []), result.node])
  }
  return reasons
}

function print(output: Output, results: readonly NodeResult<StartValue>[]): void {
  const rows = results.flatMap((result) =>
    result.ok
      ? [
          [
            result.node,
            `${result.value.status.slots.length}`,
            result.value.keeper.kind,
            (result.value.status.release ?? '').slice(0, 12),
          ],
        ]
      : [],
  )
  if (rows.length > 0) {
    for (const line of table(
      [{ title: 'NODE' }, { title: 'SLOTS', align: 'right' }, { title: 'KEEPER' }, { title: 'RELEASE' }],
      rows,
    ))
      output.result(line)
  }
  for (const [reason, nodes] of withoutKeeper(results)) {
    output.note(
      `${output.style('yellow', 'warning')} ${foldNodes(nodes)}: no keeper (${reason}): after a reboot nothing runs there until fleet start`,
    )
  }
  printNodeErrors(output, results)
  output.json(
    nodesJson('fleet.start/1', results, ({ status, keeper }) => ({
      slots: status.wanted,
      release: status.release ?? null,
      keeper: keeper.kind,
    })),
  )
}
