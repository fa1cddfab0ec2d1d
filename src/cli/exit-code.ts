// The one table from errors to exit codes; other programs rely on it.
import { FleetError } from '../core/index.ts'

export const ExitCode = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  someNodesFailed: 3,
  allNodesFailed: 4,
  lockHeld: 5,
  dispatcherUnreachable: 6,
  interrupted: 130,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Errors of these kinds are about what the operator wrote: the command line, a file, a release. */
const USAGE = /^FLEET_(?:CONFIG|RELEASE|CLI_(?!DEMO)|CORE_BAD|ROLLOUT_BAD|NODE_BAD_ARGUMENT)/
const LOCK = 'FLEET_LOCK_'
const UNREACHABLE = /^FLEET_(?:PROTOCOL_UNREACHABLE|CONTROL_NO_DISPATCHER|CONTROL_NO_TOKEN)$/

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof FleetError)) return ExitCode.unexpected
  if (error.code.startsWith(LOCK)) return ExitCode.lockHeld
  if (UNREACHABLE.test(error.code)) return ExitCode.dispatcherUnreachable
  if (USAGE.test(error.code)) return ExitCode.usage
  return ExitCode.unexpected
}

/** 0 when every node is well, 3 when some failed, 4 when all did; 5 when all that failed did so for another operator's sake. */
export function exitCodeOfNodes(
  results: readonly { readonly ok: boolean; readonly error?: { readonly code: string } }[],
): ExitCode {
  const failures = results.filter((result) => !result.ok)
  const failed = failures.length
  if (failed === 0) return ExitCode.ok
  if (failures.every(({ error }) => error?.code.startsWith(LOCK) === true)) return ExitCode.lockHeld
  return failed === results.length ? ExitCode.allNodesFailed : ExitCode.someNodesFailed
}
