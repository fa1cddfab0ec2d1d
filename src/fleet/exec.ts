// fleet exec on one node: connects, runs, and says how it ended. A command whose end nobody saw is `unknown`: it may have done
// everything, nothing or half, and may be running still.
import { toFleetError, type FleetError } from '../core/index.ts'
import type { NodeCommand } from '../node/index.ts'
import type { ExecOptions, Transport } from '../ssh/index.ts'
import { runAnyway, type FleetNode } from './fleet-node.ts'

export type ExecOutcome =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'unknown'; readonly error: FleetError }

export interface ExecPlan {
  readonly transport: Transport
  readonly command: NodeCommand
  /** Called once per node, for a fresh look at the same bytes. */
  readonly stdin?: () => ExecOptions['stdin']
  /** Milliseconds for the command; 0: none. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Where the output of one node goes, as it arrives. What it throws ends the command's call as `unknown`. */
export interface OutputSink {
  readonly stdout: (chunk: Buffer) => void
  readonly stderr: (chunk: Buffer) => void
}

/**
 * Throws FleetError when the command certainly did not run: the node was not reached, or its login shell starts no sh. The connection
 * is closed in the background: `transport.close()` waits for it.
 */
export async function execOnNode(node: FleetNode, plan: ExecPlan, sink: OutputSink): Promise<ExecOutcome> {
  if (node.refusal !== undefined) throw node.refusal
  const connection = await plan.transport.connect(node.target, { signal: plan.signal })
  try {
    const stdin = plan.stdin?.()
    const { exitCode, signal } = await runAnyway(connection, plan.command, {
      onStdout: sink.stdout,
      onStderr: sink.stderr,
      timeoutMs: plan.timeoutMs,
      // A command may be silent for as long as it likes; that its node is gone, keepalives tell.
      stallMs: 0,
      signal: plan.signal,
      ...(stdin === undefined ? {} : { stdin }),
    })
    if (exitCode !== undefined) return { kind: 'exited', exitCode }
    return { kind: 'killed', signal: signal ?? 'an unknown signal' }
  } catch (error) {
    const why = toFleetError(error)
    // Without our sh nothing of the command ran.
    if (why.code === 'FLEET_NODE_NO_SHELL') throw why
    return { kind: 'unknown', error: why }
  } finally {
    void connection.close()
  }
}

/** `exit 2`, `killed by TERM`, `unknown`; empty for success. */
export function outcomeLabel(outcome: ExecOutcome): string {
  switch (outcome.kind) {
    case 'exited':
      return outcome.exitCode === 0 ? '' : `exit ${outcome.exitCode}`
    case 'killed':
      return `killed by ${outcome.signal}`
    case 'unknown':
      return 'unknown'
  }
}

export function isSuccess(outcome: ExecOutcome): boolean {
  return outcome.kind === 'exited' && outcome.exitCode === 0
}
