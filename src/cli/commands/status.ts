// fleet status: one table about everything. It only looks: nothing on a node or in the dispatcher changes.
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../core/index.ts'
import { loadContext, type Context } from '../context.ts'
import type { NodeOptions } from '../options.ts'
import { ExitCode, exitCodeOfNodes } from '../exit-code.ts'
import { printNodeErrors } from '../output/errors.ts'
import { statusJson } from '../output/status-json.ts'
import { statusLines, type Window } from '../output/status-table.ts'
import { drawLines, lookAtAll } from '../watch.ts'

export interface StatusCommandOptions extends NodeOptions {
  readonly watch?: boolean
}

const WATCH_PAUSE_MS = 2000

export async function status(options: StatusCommandOptions): Promise<ExitCode> {
  const context = loadContext(options, { patience: 'short' })
  if (options.watch !== true) return showOnce(context)
  for (;;) {
    const { found } = await lookAtAll(context)
    if (context.output.isJson) context.output.json(statusJson(found))
    else drawLines(process.stdout, statusLines(found, context.output.style, windowOf(context)))
    await sleep(WATCH_PAUSE_MS)
  }
}

/** 3 or 4 when nodes did not answer, 6 when only the dispatcher did not. */
async function showOnce(context: Context): Promise<ExitCode> {
  const { output } = context
  const { found, results } = await lookAtAll(context)
  for (const line of statusLines(found, output.style, windowOf(context))) output.result(line)
  printNodeErrors(output, results)
  output.json(statusJson(found))
  const nodesCode = exitCodeOfNodes(results)
  return nodesCode === ExitCode.ok && 'error' in found.dispatcher ? ExitCode.dispatcherUnreachable : nodesCode
}

function windowOf({ config }: Context): Window {
  return { deadline: config.window.deadline, nowMs: systemClock.nowMs() }
}
