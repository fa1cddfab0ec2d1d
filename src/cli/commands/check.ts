// fleet check: connects to every node once, and says what is wrong there and what to do. It changes nothing.
import { existsSync } from 'node:fs'
import { FleetError, systemClock } from '../../core/index.ts'
import { checkNode, forEachNode, isDispatcherUp } from '../../fleet/index.ts'
import { loadContext } from '../context.ts'
import type { NodeOptions } from '../options.ts'
import { exitCodeOfNodes, type ExitCode } from '../exit-code.ts'
import { checkJson } from '../output/check-json.ts'
import { isBad, problemLines } from '../output/check-problems.ts'
import { summaryLines } from '../output/check-summary.ts'
import { checkTable } from '../output/check-table.ts'
import { withProgress } from '../output/progress.ts'
import { reportFailedNodes } from '../retry-file.ts'

export interface CheckCommandOptions extends NodeOptions {
  readonly deep?: boolean
}

/** 3 when some nodes have an error or cannot be reached, 4 when all do; warnings do not count. */
export async function check(options: CheckCommandOptions): Promise<ExitCode> {
  const context = loadContext(options, { patience: 'short', job: 'optional' })
  const { config, output, transport } = context
  const hasJob = existsSync(config.file)
  const isDeep = options.deep ?? false
  if (isDeep && !hasJob)
    throw new FleetError(
      'FLEET_CLI_BAD_OPTION',
      `--deep hashes what a job has on the nodes, and there is no ${config.file}`,
      {
        remedy: 'go to the folder of the job, or name its fleet.yml with --config',
      },
    )
  const names = context.nodes.map((node) => node.node)
  try {
    const plan = {
      transport,
      clock: systemClock,
      config,
      hasJob,
      isDeep,
      isDispatcherUp: hasJob ? await isDispatcherUp(config) : undefined,
    }
    // That a node answered does not mean that it is well, so its line must not say so.
    const results = await withProgress(output, 'reach', names, (progress) =>
      forEachNode(context.nodes, context.parallel, (node) => checkNode(node, plan), progress),
    )
    for (const line of problemLines(results, context.notes, output.style)) output.result(line)
    output.result('')
    for (const line of options.verbose === true ? checkTable(results) : summaryLines(results, output.style))
      output.result(line)
    output.json(checkJson(results, context.notes))
    const verdicts = results.map((result) => ({ node: result.node, ok: !isBad(result) }))
    await reportFailedNodes(context, 'check', verdicts)
    return exitCodeOfNodes(verdicts)
  } finally {
    await transport.close()
  }
}
