// A node of this job: where it is, and what this job wants there.
import { FleetError, type NodeName } from '../core/index.ts'
import { commandLine, type NodeCommand } from '../node/index.ts'
import type { Connection, ExecOptions, ExecResult, Target, Transport } from '../ssh/index.ts'

export interface FleetNode {
  readonly node: NodeName
  readonly target: Target
  /** The job's folder there: `<root>/<job>`, perhaps with a leading `~`. */
  readonly base: string
  /** 1 to 9999. */
  readonly slots: number
  readonly env: Readonly<Record<string, string>>
}

/** Connects, works, and always closes. */
export async function withConnection<Value>(
  transport: Transport,
  target: Target,
  work: (connection: Connection) => Promise<Value>,
): Promise<Value> {
  const connection = await transport.connect(target)
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

/** Runs a node command and insists on exit code 0; anything else is FLEET_NODE_COMMAND with what the node printed on stderr. */
export async function run(
  connection: Connection,
  command: NodeCommand,
  options: ExecOptions = {},
): Promise<ExecResult> {
  return insistOnSuccess(command, await connection.exec(commandLine(command), options))
}

/** The result of a command that ended with exit code 0; FLEET_NODE_COMMAND for any other. */
export function insistOnSuccess(command: NodeCommand, result: ExecResult): ExecResult {
  if (result.exitCode === 0) return result
  const ending = result.signal === undefined ? `exit ${String(result.exitCode)}` : `killed by ${result.signal}`
  const said = result.stderr.trim().split('\n').slice(-3).join('; ')
  throw new FleetError('FLEET_NODE_COMMAND', `${command.name} failed (${ending})${said === '' ? '' : `: ${said}`}`, {
    remedy: REMEDIES.get(result.exitCode ?? -1) ?? 'look at what the node said, mend it, and run the command again',
  })
}

// sysexits.h: the exit codes that the node commands use.
const REMEDIES = new Map([
  [66, 'push first: fleet push'],
  [73, 'free space on the node, or correct the owner and permissions of the folder'],
  [74, 'run the same command again: nothing of this attempt is left on the node'],
])
