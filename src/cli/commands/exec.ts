// fleet exec: one command on every node. Equal outputs are shown once; nothing is hidden that a node said or did not say.
import { foldNodes } from '../../config/index.ts'
import { parseDuration, FleetError } from '../../core/index.ts'
import {
  execOnNode,
  forEachNode,
  isSuccess,
  outcomeLabel,
  type ExecOutcome,
  type NodeResult,
} from '../../fleet/index.ts'
import { commandLine, execCommand } from '../../node/index.ts'
import { loadContext, type Context } from '../context.ts'
import type { NodeOptions } from '../options.ts'
import { ExitCode, exitCodeOfNodes } from '../exit-code.ts'
import { listenForInterruption, type Interruption } from '../interruption.ts'
import { createOutputMode } from '../exec/output-mode.ts'
import { openStdinFile } from '../exec/stdin-file.ts'
import { printNodeErrors } from '../output/errors.ts'
import { reportFailedNodes } from '../retry-file.ts'

export interface ExecCommandOptions extends NodeOptions {
  readonly stream?: boolean
  readonly timeout: string
  readonly stdin?: string
  readonly out?: string
}

export async function exec(words: readonly [string, ...string[]], options: ExecCommandOptions): Promise<ExitCode> {
  const command = execCommand(words)
  // Throws for what no node could take, before any is reached.
  commandLine(command)
  const timeoutMs = options.timeout === '0' ? 0 : parseDuration(options.timeout)
  const context = loadContext(options, { job: 'optional' })
  if (options.dryRun === true) return describe(context, words)
  const mode = createOutputMode(context.output, options)
  const stdin = options.stdin === undefined ? undefined : await openStdinFile(options.stdin)
  const interruption = listenForInterruption()
  const progress = createCounter(context)
  try {
    const plan = {
      transport: context.transport,
      command,
      timeoutMs,
      signal: interruption.signal,
      ...(stdin === undefined ? {} : { stdin: stdin.read }),
    }
    const results = await forEachNode(
      context.nodes,
      context.parallel,
      async (node) => {
        const sink = mode.open(node.node)
        try {
          const outcome = await execOnNode(node, plan, sink)
          mode.ended(node.node, outcome)
          return outcome
        } finally {
          mode.close(node.node)
        }
      },
      progress,
    )
    progress.clear()
    mode.finish(results)
    return await conclude(context, results, interruption)
  } finally {
    interruption.stop()
    await stdin?.close()
    await context.transport.close()
  }
}

async function conclude(
  context: Context,
  results: readonly NodeResult<ExecOutcome>[],
  interruption: Interruption,
): Promise<ExitCode> {
  const { output } = context
  const failed = results.map((result): NodeResult<unknown> => {
    if (!result.ok || isSuccess(result.value)) return result
    return { node: result.node, ok: false, error: errorOf(result.value) }
  })
  const wasAborted = ({ code }: FleetError): boolean => code === 'FLEET_SSH_ABORTED'
  printNodeErrors(
    output,
    failed.filter((result) => !result.ok && !wasAborted(result.error) && result.error.code !== EXIT_CODE),
  )
  if (interruption.signal.aborted) {
    const running = results.filter((result) => result.ok && isAborted(result.value))
    const untouched = results.filter((result) => !result.ok && wasAborted(result.error))
    output.note('interrupted')
    if (running.length > 0)
      output.note(`still running on ${foldNodes(running.map(({ node }) => node))}: the command may go on there`)
    if (untouched.length > 0) output.note(`not run on ${foldNodes(untouched.map(({ node }) => node))}`)
  }
  await reportFailedNodes(context, 'exec', failed)
  return interruption.signal.aborted ? ExitCode.interrupted : exitCodeOfNodes(failed)
}

const EXIT_CODE = 'FLEET_NODE_EXIT_CODE'

function isAborted(outcome: ExecOutcome): boolean {
  return outcome.kind === 'unknown' && outcome.error.code === 'FLEET_SSH_ABORTED'
}

/** What the group's header has said already is an error for the retry file only. */
function errorOf(outcome: ExecOutcome): FleetError {
  return outcome.kind === 'unknown'
    ? outcome.error
    : new FleetError(EXIT_CODE, `expected exit 0, found ${outcomeLabel(outcome)}`)
}

function describe({ output, nodes }: Context, words: readonly string[]): ExitCode {
  const how = words.length === 1 ? 'as a line of sh' : 'without a shell'
  output.result(`would run ${how}: ${words.map((word) => JSON.stringify(word)).join(' ')}`)
  for (const { node, target } of nodes) output.result(`on ${node} (${target.user}@${target.address}:${target.port})`)
  output.json({ schema: 'fleet.exec/1', dry_run: true, command: words, nodes: nodes.map(({ node }) => ({ node })) })
  return ExitCode.ok
}

/** One line on a terminal: how many nodes have ended. */
function createCounter({ output, nodes }: Context): { readonly ended: () => void; readonly clear: () => void } {
  const isDrawn = output.isInteractive && !output.isJson && nodes.length > 1
  let ended = 0
  const draw = (text: string): void => {
    if (isDrawn) process.stderr.write(`\r${text}\u001b[K`)
  }
  return {
    ended: () => {
      ended += 1
      draw(`${ended} of ${nodes.length} nodes`)
    },
    clear: () => {
      draw('')
    },
  }
}
