// A node of this job: where it is, and what this job wants there.
import { stripVTControlCharacters } from 'node:util'
import { FleetError, type NodeName } from '../core/index.ts'
import {
  CLAIM_REFUSED,
  commandLine,
  DROPBEAR_LINE_BYTES,
  createNoiseFilter,
  splitNoise,
  type NodeCommand,
  type NoiseFilter,
  type Printed,
} from '../node/index.ts'
import type { Connection, ExecOptions, ExecResult, Target, Transport } from '../ssh/index.ts'
import { lostError } from './lock/lock-error.ts'

export interface FleetNode {
  readonly node: NodeName
  readonly target: Target
  /** Why it cannot be reached as it was asked for. */
  readonly refusal?: FleetError
  /** The job's folder there: `<root>/<job>`, perhaps with a leading `~`. */
  readonly base: string
  /** 1 to 9999. */
  readonly slots: number
  readonly env: Readonly<Record<string, string>>
}

/** Connects, works, and always closes. */
export async function withConnection<Value>(
  transport: Transport,
  node: Pick<FleetNode, 'target' | 'refusal'>,
  work: (connection: Connection) => Promise<Value>,
): Promise<Value> {
  if (node.refusal !== undefined) throw node.refusal
  const connection = await transport.connect(node.target)
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

/** How a command on a node ended, and what its login printed before it. */
export interface RunResult extends ExecResult {
  /** What came before the command's own output, mostly nothing. Long noise may be cut. */
  readonly noise: { readonly stdout: string; readonly stderr: string }
}

/** Runs a node command and insists on exit code 0; anything else is FLEET_NODE_COMMAND with what the node printed on stderr. */
export async function run(connection: Connection, command: NodeCommand, options: ExecOptions = {}): Promise<RunResult> {
  return insistOnSuccess(command, await runAnyway(connection, command, options))
}

/** Runs a node command, whatever its exit code. Its output is given without what the login printed. Throws FLEET_NODE_NO_SHELL when the node ran something else. */
export async function runAnyway(
  connection: Connection,
  command: NodeCommand,
  options: ExecOptions = {},
): Promise<RunResult> {
  const { onStdout, onStderr } = options
  const filters = {
    stdout: onStdout === undefined ? undefined : createNoiseFilter(onStdout),
    stderr: onStderr === undefined ? undefined : createNoiseFilter(onStderr),
  }
  const isDropbear = /dropbear/i.test(connection.facts?.greeting ?? '')
  const line = isDropbear ? commandLine(command, DROPBEAR_LINE_BYTES) : commandLine(command)
  const result = await connection.exec(line, {
    ...options,
    ...(filters.stdout === undefined ? {} : { onStdout: filters.stdout.write }),
    ...(filters.stderr === undefined ? {} : { onStderr: filters.stderr.write }),
  })
  const stdout = printed(filters.stdout, result.stdout)
  const stderr = printed(filters.stderr, result.stderr)
  // Either will do: a node may merge its streams into one.
  if (stdout.output === undefined && stderr.output === undefined) throw noShellError(result, stdout.noise, stderr.noise)
  return {
    ...result,
    stdout: stdout.output ?? stdout.noise,
    stderr: stderr.output ?? stderr.noise,
    noise: {
      stdout: stdout.output === undefined ? '' : stdout.noise,
      stderr: stderr.output === undefined ? '' : stderr.noise,
    },
  }
}

/** The result of a command that ended with exit code 0; FLEET_LOCK_LOST for 77, the fence of a changing command, FLEET_NODE_COMMAND for any other. */
export function insistOnSuccess<Result extends ExecResult>(command: NodeCommand, result: Result): Result {
  if (result.exitCode === 0) return result
  const said = lastLines(result.stderr)
  if (result.exitCode === CLAIM_REFUSED) throw lostError(`${command.name} was refused${said === '' ? '' : `: ${said}`}`)
  throw new FleetError(
    'FLEET_NODE_COMMAND',
    `${command.name} failed (${endingOf(result)})${said === '' ? '' : `: ${said}`}`,
    { remedy: REMEDIES.get(result.exitCode ?? -1) ?? 'look at what the node said, mend it, and run the command again' },
  )
}

function printed(filter: NoiseFilter | undefined, kept: string): Printed {
  if (filter === undefined) return splitNoise(kept)
  return { noise: filter.noise(), output: filter.isPast() ? '' : undefined }
}

function noShellError(result: ExecResult, stdout: string, stderr: string): FleetError {
  const said = lastLines(`${stdout}\n${stderr}`)
  return new FleetError(
    'FLEET_NODE_NO_SHELL',
    `expected the login shell to run sh, it did something else (${endingOf(result)})${said === '' ? ' and printed nothing' : `: ${said}`}`,
    {
      remedy:
        'give the user a login shell there (getent passwd shows it), and no ForceCommand in sshd_config or command= in authorized_keys',
    },
  )
}

/** `exit 1`, `killed by TERM`. */
function endingOf(result: Pick<ExecResult, 'exitCode' | 'signal'>): string {
  return result.signal === undefined ? `exit ${String(result.exitCode)}` : `killed by ${result.signal}`
}

function lastLines(text: string): string {
  const lines = text.split('\n').map((line) => stripVTControlCharacters(line).trim())
  return lines
    .filter((line) => line !== '')
    .slice(-3)
    .join('; ')
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '?')
    .slice(0, 500)
}

// sysexits.h: the exit codes that the node commands use.
const REMEDIES = new Map([
  [66, 'push first: fleet push'],
  [73, 'free space on the node, or correct the owner and permissions of the folder'],
  [74, 'run the same command again: nothing of this attempt is left on the node'],
])
