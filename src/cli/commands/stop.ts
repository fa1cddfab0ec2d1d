// fleet stop: drain by default, --now to end the workers. The dispatcher goes on, unless --dispatcher is given.
import { parseDuration, systemClock } from '../../core/index.ts'
import { forEachNode, stopDispatcherHere, stopNode, withConnection } from '../../fleet/index.ts'
import { loadContext } from '../context.ts'
import type { NodeOptions } from '../options.ts'
import { exitCodeOfNodes, type ExitCode } from '../exit-code.ts'
import { nodesJson, printNodeErrors } from '../output/errors.ts'
import { withProgress } from '../output/progress.ts'
import { reportFailedNodes } from '../retry-file.ts'

export interface StopCommandOptions extends NodeOptions {
  readonly now?: boolean
  readonly timeout: string
  readonly dispatcher?: boolean
}

export async function stop(options: StopCommandOptions): Promise<ExitCode> {
  const context = loadContext(options)
  const { config, nodes, output } = context
  const mode = options.now === true ? 'now' : 'drain'
  if (options.dryRun === true) {
    for (const node of nodes) output.result(`would ${mode === 'now' ? 'end' : 'drain'} the slots of ${node.node}`)
    return 0
  }
  // TERM, the grace, KILL, and the supervisors' own margin.
  const waitMs = mode === 'now' ? config.worker.graceMs + 20_000 : parseDuration(options.timeout)
  const results = await withProgress(
    output,
    'stop',
    nodes.map((node) => node.node),
    (progress) =>
      forEachNode(
        nodes,
        // Draining is waiting: nodes drain side by side unless serial work was asked for.
        context.parallel === 1 ? 1 : nodes.length,
        (node) =>
          withConnection(context.transport, node, (connection) =>
            stopNode(connection, node.base, { mode, clock: systemClock, waitMs }),
          ),
        progress,
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
