// What an error of SQLite means for a caller: come again, restore a backup, or our own mistake. Result codes: https://sqlite.org/rescode.html
import { FleetError, messageOf } from '../../core/index.ts'

const BUSY = 5
const CORRUPT = 11
const NOT_A_DATABASE = 26
/** PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL: the world around the file is at fault, and may get well. */
const UNAVAILABLE = new Set([3, BUSY, 6, 7, 8, 10, 13, 14, 15])

/** Anything thrown by node:sqlite, as a FleetError that keeps it as its cause. */
export function toLedgerError(thrown: unknown, file: string): FleetError {
  if (thrown instanceof FleetError) return thrown
  const code = resultCode(thrown)
  if (code !== undefined && UNAVAILABLE.has(code)) {
    return new FleetError(
      'FLEET_LEDGER_UNAVAILABLE',
      `the ledger ${file} cannot be written or read now: ${messageOf(thrown)}`,
      {
        remedy:
          'look at free space and errors of the disk that holds it; calls succeed again by themselves when the disk does',
        retryable: true,
        cause: thrown,
      },
    )
  }
  if (code === CORRUPT || code === NOT_A_DATABASE) {
    return new FleetError('FLEET_LEDGER_CORRUPT', `the ledger ${file} is damaged: ${messageOf(thrown)}`, {
      remedy: 'stop the dispatcher, keep a copy of the file, restore the latest backup',
      cause: thrown,
    })
  }
  return new FleetError('FLEET_LEDGER_INTERNAL', `the ledger ${file} refused a statement: ${messageOf(thrown)}`, {
    cause: thrown,
  })
}

/** True when the fault lies with the file or its disk, and so with every call of a transaction, not with one of them. */
export function concernsWholeFile(error: FleetError): boolean {
  return error.code === 'FLEET_LEDGER_UNAVAILABLE' || error.code === 'FLEET_LEDGER_CORRUPT'
}

export function isBusy(thrown: unknown): boolean {
  return resultCode(thrown) === BUSY
}

export function isNotADatabase(thrown: unknown): boolean {
  return resultCode(thrown) === NOT_A_DATABASE
}

/** The primary result code: the low byte of an extended one. Undefined for what SQLite did not throw. */
function resultCode(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('errcode' in thrown)) return undefined
  return typeof thrown.errcode === 'number' ? thrown.errcode & 0xff : undefined
}
