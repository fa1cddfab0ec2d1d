// fleet push: build the release, look at every node, bring it there batch by batch, verify, switch.
import { join } from 'node:path'
import { formatSize, systemClock } from '../../core/index.ts'
import {
  buildRelease,
  controlPaths,
  createManifestCache,
  createRuntimes,
  holdConnections,
  kitTree,
  pushFleet,
  releaseTree,
  surveyNodes,
  toChange,
  type NodeResult,
  type PushedValue,
  type Release,
  type Surveyed,
  type SurveyPlan,
} from '../../fleet/index.ts'
import { afterPlan } from '../after-plan.ts'
import { batchSteps } from '../batch-steps.ts'
import { loadContext, type Context } from '../context.ts'
import { ExitCode, exitCodeOfNodes } from '../exit-code.ts'
import { untilInterrupted } from '../interruption.ts'
import { lockOptions } from '../operator-lock.ts'
import type { ChangingOptions } from '../options.ts'
import { printNodeErrors } from '../output/errors.ts'
import { intentOf } from '../output/intent.ts'
import { isUntouched, printInterruption } from '../output/interrupted.ts'
import { withProgress } from '../output/progress.ts'
import { closingLine, pushJson, pushLines } from '../output/push-table.ts'
import { count } from '../output/table.ts'
import { rehearse } from '../push-rehearsal.ts'
import { reportFailedNodes } from '../retry-file.ts'
import { readRollOut, type RollOutChoice, type RollOutOptions } from '../roll-out-options.ts'
import { surveyProgress } from '../survey-progress.ts'

export interface PushCommandOptions extends RollOutOptions, ChangingOptions {
  readonly verify?: boolean
}

export function push(files: readonly string[], options: PushCommandOptions): Promise<ExitCode> {
  const context = loadContext(options)
  const choice = readRollOut(options, context)
  return untilInterrupted(async (signal) => {
    const { config, output } = context
    const built =
      files.length > 0
        ? await buildRelease(process.cwd(), files)
        : await buildRelease(config.folder, config.release.files)
    output.note(releaseText(built, context))
    const transport = holdConnections(context.transport)
    try {
      const plan = surveyPlan(context, built, { verify: options.verify ?? false, restart: choice.restart, signal })
      const held = { ...plan, transport }
      const surveyed = await surveyProgress(output, context.nodes, (progress) =>
        surveyNodes(context.nodes, { ...held, progress }),
      )
      if (options.dryRun === true) return await rehearse(context, surveyed, held, options.verbose === true)
      const startedMs = systemClock.monotonicMs()
      const results = await carryOut(surveyed, held, { context, choice, options, signal })
      return await conclude(context, results, systemClock.monotonicMs() - startedMs, signal)
    } finally {
      await transport.close()
    }
  })
}

function surveyPlan(
  { config, transport, parallel }: Context,
  built: Release,
  how: Pick<SurveyPlan, 'verify' | 'restart' | 'signal'>,
): SurveyPlan {
  return {
    transport,
    parallel,
    trees: { release: releaseTree(built), kit: kitTree() },
    needs: built.needs,
    tools: config.worker.kind === 'exec' ? ['curl'] : [],
    runtimes: config.release.runtime === 'node' ? createRuntimes() : undefined,
    manifests: createManifestCache(),
    ...how,
  }
}

interface Circumstances {
  readonly context: Context
  readonly choice: RollOutChoice
  readonly options: PushCommandOptions
  readonly signal: AbortSignal
}

async function carryOut(
  surveyed: readonly NodeResult<Surveyed>[],
  { transport, manifests, verify }: SurveyPlan,
  { context, choice, options, signal }: Circumstances,
): Promise<readonly NodeResult<PushedValue>[]> {
  const { config, output, parallel } = context
  const changing = toChange(surveyed).map(({ node }) => node)
  const refused = surveyed.filter(({ ok }) => !ok).length
  const same = surveyed.length - changing.length - refused
  const intent = intentOf(changing, choice, config.release.check !== undefined)
  output.note(
    `${count(changing.length)} to change, ${count(same)} unchanged, ${count(refused)} refused${intent === '' || changing.length === 0 ? '' : `: ${intent}`}`,
  )
  const work = (progress = {}): Promise<readonly NodeResult<PushedValue>[]> =>
    pushFleet(surveyed, {
      transport,
      packsFolder: join(controlPaths(config).folder, 'packs'),
      manifests,
      rounds: Math.max(1, changing.length / parallel),
      keep: config.release.keep,
      verify,
      lock: lockOptions(context, options, { signal, createFolder: true }),
      batchesOf: choice.batchesOf,
      maxFail: choice.maxFail,
      after: afterPlan(context, choice, signal, progress),
      options: { parallel, progress, signal, ...batchSteps(output, choice, signal) },
      signal,
    })
  if (changing.length === 0) return work()
  return withProgress(
    output,
    'push',
    changing.map(({ node }) => node),
    work,
  )
}

async function conclude(
  context: Context,
  results: readonly NodeResult<PushedValue>[],
  tookMs: number,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { output } = context
  for (const line of pushLines(results)) output.result(line)
  if (signal.aborted) {
    printInterruption(output, results)
    printNodeErrors(
      output,
      results.filter((result) => !isUntouched(result)),
    )
  } else {
    printNodeErrors(output, results)
  }
  output.note(closingLine(results, tookMs))
  output.json(pushJson(results))
  await reportFailedNodes(context, 'push', results)
  return signal.aborted ? ExitCode.interrupted : exitCodeOfNodes(results)
}

function releaseText({ manifest, ignored }: Release, { nodes }: Context): string {
  const { digest, files, links, sizeBytes } = manifest
  const parts = [
    `${count(files.length)} ${files.length === 1 ? 'file' : 'files'}`,
    ...(links.length === 0 ? [] : [`${count(links.length)} links`]),
    formatSize(sizeBytes),
    ...(ignored === 0 ? [] : [`${count(ignored)} left out by .fleetignore`]),
  ]
  return `release ${digest.slice(0, 12)}: ${parts.join(', ')}, to ${count(nodes.length)} ${nodes.length === 1 ? 'node' : 'nodes'}`
}
