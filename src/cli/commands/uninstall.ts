// fleet uninstall: takes the job off every node, looks again, and says what it found. What is on this machine stays.
import { existsSync } from 'node:fs'
import { systemClock } from '../../core/index.ts'
import {
  controlPaths,
  forEachNode,
  holdConnections,
  insistOnNothingLeft,
  isAbsent,
  lookForJob,
  stepsOf,
  uninstallNode,
  whyNotUninstall,
  withConnection,
  withOperatorLock,
  type FleetNode,
  type NodeResult,
  type UninstallValue,
} from '../../fleet/index.ts'
import type { JobTraces } from '../../node/index.ts'
import type { Transport } from '../../ssh/index.ts'
import { loadContext, type Context } from '../context.ts'
import { exitCodeOfNodes, type ExitCode } from '../exit-code.ts'
import { untilInterrupted } from '../interruption.ts'
import { lockOptions } from '../operator-lock.ts'
import type { ChangingOptions } from '../options.ts'
import { printNodeErrors } from '../output/errors.ts'
import { withProgress } from '../output/progress.ts'
import { rehearsalJson, rehearsalLines, uninstallJson, uninstallLines } from '../output/uninstall-report.ts'
import { reportFailedNodes } from '../retry-file.ts'
import { surveyProgress } from '../survey-progress.ts'

export interface UninstallCommandOptions extends ChangingOptions {
  readonly now?: boolean
}

/** A node and what was found there before anything was done. */
interface Looked {
  readonly node: FleetNode
  readonly found: JobTraces
}

/** 3 when some nodes were refused, failed, or still hold something of the job; 4 when all do. */
export function uninstall(options: UninstallCommandOptions): Promise<ExitCode> {
  return untilInterrupted(async (signal) => {
    const context = loadContext(options)
    const transport = holdConnections(context.transport)
    try {
      const looked = await look(context, transport, options.dryRun === true)
      const results = looked.map((result) => judge(result, context, options))
      if (options.dryRun === true) return rehearse(context, results)
      return await conclude(context, await carryOut(context, transport, results, options, signal))
    } finally {
      await transport.close()
    }
  })
}

async function look(context: Context, transport: Transport, sizes: boolean): Promise<readonly NodeResult<Looked>[]> {
  const { config, nodes, output, parallel } = context
  return surveyProgress(output, nodes, (progress) =>
    forEachNode(
      nodes,
      parallel,
      (node) =>
        withConnection(transport, node, async (connection) => ({
          node,
          found: await lookForJob(connection, node.base, config.job, { sizes }),
        })),
      progress,
    ),
  )
}

function judge(
  result: NodeResult<Looked>,
  { config }: Context,
  { now = false }: UninstallCommandOptions,
): NodeResult<Looked> {
  if (!result.ok) return result
  const error = whyNotUninstall(result.value.found, { now, keeper: config.worker.keeper })
  return error === undefined ? result : { node: result.node, ok: false, error }
}

function rehearse({ output }: Context, results: readonly NodeResult<Looked>[]): ExitCode {
  const steps = results.map((result): NodeResult<readonly string[]> =>
    result.ok ? { ...result, value: stepsOf(result.value.found) } : result,
  )
  for (const line of rehearsalLines(steps)) output.result(line)
  printNodeErrors(output, steps)
  output.json(rehearsalJson(steps))
  return exitCodeOfNodes(steps)
}

async function carryOut(
  context: Context,
  transport: Transport,
  results: readonly NodeResult<Looked>[],
  options: UninstallCommandOptions,
  signal: AbortSignal,
): Promise<readonly NodeResult<UninstallValue>[]> {
  const { config, output, parallel } = context
  const ready = results.flatMap((result) =>
    result.ok && !isAbsent(result.value.found)
      ? [{ ...result.value, node: result.value.node.node, target: result.value.node }]
      : [],
  )
  // Where there is no folder there is nothing to lock either.
  const locked = ready.filter(({ found }) => found.place.kind === 'job').map(({ target }) => target)
  const settings = {
    job: config.job,
    now: options.now ?? false,
    graceMs: config.worker.graceMs,
    keeper: config.worker.keeper,
    clock: systemClock,
  }
  const done = await withOperatorLock(transport, locked, lockOptions(context, options, { signal }), (lock) =>
    withProgress(
      output,
      'uninstall',
      ready.map(({ node }) => node),
      (progress) =>
        forEachNode(
          ready,
          parallel,
          async ({ node, target, found }) => {
            signal.throwIfAborted()
            const claim = found.place.kind === 'job' ? lock.claimOf(node) : 'unlocked'
            return withConnection(transport, target, async (connection) =>
              insistOnNothingLeft(await uninstallNode(connection, target.base, { ...settings, claim })),
            )
          },
          progress,
        ),
    ),
  )
  const byNode = new Map(done.map((result) => [result.node, result]))
  return results.map((result) => byNode.get(result.node) ?? (result.ok ? nothingThere(result) : result))
}

function nothingThere({ node, value }: Extract<NodeResult<Looked>, { ok: true }>): NodeResult<UninstallValue> {
  const stays =
    value.found.beside.length === 0 ? [] : [`${value.found.root} stays: it holds ${value.found.beside.join(', ')}`]
  return { node, ok: true, value: { removed: [], left: [], notes: stays } }
}

async function conclude(context: Context, results: readonly NodeResult<UninstallValue>[]): Promise<ExitCode> {
  const { config, output } = context
  for (const line of uninstallLines(results)) output.result(line)
  printNodeErrors(output, results)
  const { folder } = controlPaths(config)
  if (existsSync(folder))
    output.note(
      `on this machine ${folder} stays, with the ledger; fleet dispatcher stop ends the dispatcher if it runs`,
    )
  output.json(uninstallJson(results))
  await reportFailedNodes(context, 'uninstall', results)
  return exitCodeOfNodes(results)
}
