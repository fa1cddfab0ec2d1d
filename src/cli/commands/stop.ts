// fleet stop: drain by default, --now to end the workers. The dispatcher goes on, unless --dispatcher is given.
import { parseDuration, systemClock } from '../../core/index.ts'
import { rollOut, stopDispatcherHere, stopNode, withConnection, withOperatorLock } from '../../fleet/index.ts'
import { sayBatch } from '../batch-steps.ts'
import { loadContext } from '../context.ts'
import { untilInterrupted } from '../interruption.ts'
import { lockOptions } from '../operator-lock.ts'
import type { ChangingOptions } from '../options.ts'
import { exitCodeOfNodes, type ExitCode } from '../exit-code.ts'
import { nodesJson, printNodeErrors } from '../output/errors.ts'
import { withProgress } from '../output/progress.ts'
import { reportFailedNodes } from '../retry-file.ts'
import { readBatches, type BatchOptions } from '../roll-out-options.ts'

export interface StopCommandOptions extends ChangingOptions, BatchOptions {
  readonly now?: boolean
  readonly timeout: string
  readonly dispatcher?: boolean
}

export function stop(options: StopCommandOptions): Promise<ExitCode> {
  return untilInterrupted((signal) => stopUntil(options, signal))
}

async function stopUntil(options: StopCommandOptions, signal: AbortSignal): Promise<ExitCode> {
  const context = loadContext(options)
  const { config, nodes, output } = context
  const mode = options.now === true ? 'now' : 'drain'
  const { batchesOf, maxFail } = readBatches(options, nodes)
  if (options.dryRun === true) {
    for (const node of nodes) output.result(`would ${mode === 'now' ? 'end' : 'drain'} the slots of ${node.node}`)
    return 0
  }
  // TERM, the grace, KILL, and the supervisors' own margin.
  const waitMs = mode === 'now' ? config.worker.graceMs + 20_000 : parseDuration(options.timeout)
  const results = await withOperatorLock(context.transport, nodes, lockOptions(context, options, { signal }), (lock) =>
    withProgress(
      output,
      'stop',
      nodes.map((node) => node.node),
      (progress) =>
        rollOut(
          nodes,
          { batches: batchesOf(nodes), maxFail },
          async (node) => {
            const claim = lock.claimOf(node.node)
            return withConnection(context.transport, node, (connection) =>
              stopNode(connection, node.base, { mode, clock: systemClock, claim, waitMs, signal }),
            )
          },
          {
            // Draining is waiting: nodes drain side by side unless serial work was asked for.
            parallel: context.parallel === 1 ? 1 : nodes.length,
            progress,
            signal,
            onBatch: sayBatch(output),
          },
        ),
    ),
  )
  for (const result of results)
    if (result.ok) output.result(`${result.node}  stopped, ${result.value.slots.length} slots down`)
  printNodeErrors(output, results)
  if (options.dispatcher === true) {
    await stopDispatcherHere(config, systemClock)
    output.note('dispatcher stopped')
  }
  output.json(nodesJson('fleet.stop/1', results, (status) => ({ slots: status.slots.length })))
  await reportFailedNodes(context, 'stop', results)
  return exitCodeOfNodes(results)
}
