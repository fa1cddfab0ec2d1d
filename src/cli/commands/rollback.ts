// fleet rollback: back to a release that the nodes hold already. No upload, a rename per node.
import { FleetError } from '../../core/index.ts'
import { foldNodes } from '../../config/index.ts'
import {
  holdConnections,
  lookAtReleases,
  rollBack,
  surveyRollback,
  type NodeResult,
  type RollbackTarget,
  type RolledBack,
} from '../../fleet/index.ts'
import type { Transport } from '../../ssh/index.ts'
import { afterPlan } from '../after-plan.ts'
import { batchSteps } from '../batch-steps.ts'
import { loadContext, type Context } from '../context.ts'
import { ExitCode, exitCodeOfNodes } from '../exit-code.ts'
import { untilInterrupted } from '../interruption.ts'
import { lockOptions } from '../operator-lock.ts'
import type { ChangingOptions } from '../options.ts'
import { nodesJson, printNodeErrors } from '../output/errors.ts'
import { intentOf } from '../output/intent.ts'
import { isUntouched, printInterruption } from '../output/interrupted.ts'
import { withProgress } from '../output/progress.ts'
import { switchText } from '../output/push-table.ts'
import { releaseListJson, releaseListLines } from '../output/release-list.ts'
import { table } from '../output/table.ts'
import { reportFailedNodes } from '../retry-file.ts'
import { readRollOut, type RollOutChoice, type RollOutOptions } from '../roll-out-options.ts'
import { surveyProgress } from '../survey-progress.ts'

export interface RollbackCommandOptions extends RollOutOptions, ChangingOptions {
  readonly list?: boolean
}

export function rollback(release: string | undefined, options: RollbackCommandOptions): Promise<ExitCode> {
  const wanted = release === undefined ? undefined : beginningOf(release)
  const context = loadContext(options)
  const choice = readRollOut(options, context)
  return untilInterrupted(async (signal) => {
    const transport = holdConnections(context.transport)
    try {
      if (options.list === true) return await list(context, transport, signal)
      const { output, nodes, parallel } = context
      const surveyed = await surveyProgress(output, nodes, (progress) =>
        surveyRollback(nodes, wanted, { transport, parallel, signal, progress, restart: choice.restart }),
      )
      refuseSeveral(surveyed, wanted)
      sayWhere(context, surveyed, choice)
      if (options.dryRun === true) return rehearse(context, surveyed)
      const results = await carryOut(surveyed, { context, choice, options, transport, signal })
      return await conclude(context, results, signal)
    } finally {
      await transport.close()
    }
  })
}

function beginningOf(release: string): string {
  const text = release.toLowerCase()
  if (/^[0-9a-f]{4,64}$/.test(text)) return text
  throw new FleetError(
    'FLEET_CLI_BAD_OPTION',
    `expected RELEASE to be the first 4 to 64 digits of a release's digest, got ${JSON.stringify(release.slice(0, 100))}`,
    { remedy: 'fleet rollback --list shows them' },
  )
}

async function list(
  { nodes, parallel, output }: Context,
  transport: Transport,
  signal: AbortSignal,
): Promise<ExitCode> {
  const results = await surveyProgress(output, nodes, (progress) =>
    lookAtReleases(nodes, { transport, parallel, signal, progress }),
  )
  for (const line of releaseListLines(results)) output.result(line)
  printNodeErrors(output, results)
  output.json(releaseListJson(results))
  return exitCodeOfNodes(results)
}

/** One name has to mean one release on all nodes. */
function refuseSeveral(surveyed: readonly NodeResult<RollbackTarget>[], wanted: string | undefined): void {
  const meant = byRelease(surveyed)
  if (wanted === undefined || meant.size < 2) return
  const told = [...meant].map(([release, nodes]) => `${release.slice(0, 16)} on ${foldNodes(nodes)}`)
  throw new FleetError('FLEET_CLI_BAD_OPTION', `${wanted} begins several releases: ${told.join(', ')}`, {
    remedy: 'give more of its digits',
  })
}

function byRelease(surveyed: readonly NodeResult<RollbackTarget>[]): ReadonlyMap<string, readonly string[]> {
  const nodes = new Map<string, string[]>()
  for (const result of surveyed)
    if (result.ok) nodes.set(result.value.release, [...(nodes.get(result.value.release) ?? []), result.node])
  return nodes
}

function sayWhere(
  { config, output }: Context,
  surveyed: readonly NodeResult<RollbackTarget>[],
  choice: RollOutChoice,
): void {
  for (const [release, nodes] of byRelease(surveyed))
    output.note(`back to ${release.slice(0, 12)}: ${foldNodes(nodes)}`)
  const changing = surveyed.flatMap((result) => (result.ok && !result.value.isUnchanged ? [result.value.node] : []))
  const intent = intentOf(changing, choice, config.release.check !== undefined)
  if (intent !== '' && changing.length > 0) output.note(intent)
}

function rehearse({ output }: Context, surveyed: readonly NodeResult<RollbackTarget>[]): ExitCode {
  const results = surveyed.map((result): NodeResult<RolledBack> =>
    result.ok
      ? {
          ...result,
          value: {
            release: result.value.release,
            previous: result.value.found.currentRelease,
            pruned: [],
            outcome: result.value.isUnchanged ? 'unchanged' : 'switched',
          },
        }
      : result,
  )
  for (const result of results)
    if (result.ok) output.result(`${result.node}  would be ${result.value.outcome}  ${switchText(result.value)}`)
  printNodeErrors(output, results)
  output.json({ ...nodesJson('fleet.rollback/1', results, (value) => value), dry_run: true })
  return exitCodeOfNodes(results)
}

interface Circumstances {
  readonly context: Context
  readonly choice: RollOutChoice
  readonly options: RollbackCommandOptions
  readonly transport: Transport
  readonly signal: AbortSignal
}

function carryOut(
  surveyed: readonly NodeResult<RollbackTarget>[],
  { context, choice, options, transport, signal }: Circumstances,
): Promise<readonly NodeResult<RolledBack>[]> {
  const { config, output, parallel } = context
  const changing = surveyed.flatMap((result) =>
    result.ok && (!result.value.isUnchanged || result.value.staleWorkers > 0) ? [result.node] : [],
  )
  const work = (progress = {}): Promise<readonly NodeResult<RolledBack>[]> =>
    rollBack(surveyed, {
      transport,
      keep: config.release.keep,
      lock: lockOptions(context, options, { signal }),
      batchesOf: choice.batchesOf,
      maxFail: choice.maxFail,
      after: afterPlan(context, choice, signal, progress),
      options: { parallel, progress, signal, ...batchSteps(output, choice, signal) },
      signal,
    })
  return changing.length === 0 ? work() : withProgress(output, 'rollback', changing, work)
}

async function conclude(
  context: Context,
  results: readonly NodeResult<RolledBack>[],
  signal: AbortSignal,
): Promise<ExitCode> {
  const { output } = context
  const rows = results.flatMap((result) =>
    result.ok ? [[result.node, result.value.outcome, switchText(result.value), restartedText(result.value)]] : [],
  )
  if (rows.length > 0)
    for (const line of table(
      [{ title: 'NODE' }, { title: 'OUTCOME' }, { title: 'RELEASE' }, { title: 'RESTARTED' }],
      rows,
    ))
      output.result(line)
  if (signal.aborted) printInterruption(output, results)
  printNodeErrors(
    output,
    results.filter((result) => !signal.aborted || !isUntouched(result)),
  )
  output.json(nodesJson('fleet.rollback/1', results, (value) => value))
  await reportFailedNodes(context, 'rollback', results)
  return signal.aborted ? ExitCode.interrupted : exitCodeOfNodes(results)
}

function restartedText({ restarted }: RolledBack): string {
  return restarted === undefined ? '-' : String(restarted)
}
