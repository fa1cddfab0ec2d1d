// What a node said when it could not do its part of a push, with what to do about it.
import { FleetError, toFleetError } from '../../core/index.ts'
import type { NodeCommand } from '../../node/index.ts'
import type { ExecResult } from '../../ssh/index.ts'
import { insistOnSuccess } from '../fleet-node.ts'

/** sysexits.h EX_CANTCREAT; 126 is what a shell says of a program that it found and may not run (POSIX 2.8.2). */
const CANNOT_CREATE = 73
const CANNOT_RUN = 126

const ELSEWHERE = 'set root in fleet.yml to a folder on another file system'

/** The result of a command that ended with exit code 0; else throws the node's own sentence. */
export function insistOnPush<Result extends ExecResult>(command: NodeCommand, result: Result): Result {
  try {
    return insistOnSuccess(command, result)
  } catch (thrown) {
    const error = toFleetError(thrown)
    const remedy = remedyFor(result)
    if (remedy === undefined) throw error
    throw new FleetError(error.code, error.message, { remedy, retryable: error.retryable, cause: error })
  }
}

/** By exit code; the node's words only choose between the causes of one code. */
function remedyFor({ exitCode, stderr }: ExecResult): string | undefined {
  if (exitCode === CANNOT_RUN) {
    return 'if that file system is mounted noexec, set root in fleet.yml to a folder on another one, or remount it with exec'
  }
  if (exitCode !== CANNOT_CREATE) return undefined
  return REMEDIES.find(([words]) => stderr.includes(words))?.[1]
}

const REMEDIES = [
  ['quota', `remove files of this user there, have the quota raised, or ${ELSEWHERE}`],
  ['no space is left', `free space there, keep fewer releases (release.keep), or ${ELSEWHERE}`],
  ['no inodes are left', `remove files there, keep fewer releases (release.keep), or ${ELSEWHERE}`],
  [
    'file system is read-only',
    `look why (dmesg: a damaged disk is mounted so), remount it for writing, or ${ELSEWHERE}`,
  ],
  ['permission denied', `give the folder to the user that logs in, or ${ELSEWHERE}`],
] as const
