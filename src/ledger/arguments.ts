// What a caller hands to a ledger, checked before it joins a transaction: a call that can never work must not spoil the
// calls that share its transaction. The same for every implementation.
import { FleetError } from '../core/index.ts'
import type { ImportRow, Settlement } from './ledger.ts'

const MAX_IMPORT_ROWS = 10_000
const MAX_LIST_LIMIT = 10_000
/** Upper bound for payloads and results, in bytes. */
const MAX_JSON_BYTES = 65_536

export function checkImport(rows: readonly ImportRow[]): void {
  if (rows.length > MAX_IMPORT_ROWS) throw bad(`at most ${MAX_IMPORT_ROWS} rows in one import`, `${rows.length}`)
  for (const { id, payload } of rows) checkJson(payload, `the payload of ${id}`)
}

export function checkTtl(ttlMs: number): void {
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) throw bad('a ttl of at least 1 whole millisecond', `${ttlMs}`)
}

export function checkSettlement(settlement: Settlement): void {
  if (settlement.kind === 'complete') checkJson(settlement.result, `the result of ${settlement.id}`)
  if (settlement.kind !== 'release') return
  const { delayMs } = settlement
  if (!Number.isSafeInteger(delayMs) || delayMs < 0) throw bad('a delay of 0 or more whole milliseconds', `${delayMs}`)
}

export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIST_LIMIT) return
  throw bad(`a limit from 1 to ${MAX_LIST_LIMIT}`, `${limit}`)
}

function checkJson(json: string | undefined, what: string): void {
  if (json === undefined || Buffer.byteLength(json) <= MAX_JSON_BYTES) return
  throw bad(`at most ${MAX_JSON_BYTES} bytes for ${what}`, `${Buffer.byteLength(json)}`)
}

function bad(expected: string, found: string): FleetError {
  return new FleetError('FLEET_LEDGER_BAD_ARGUMENT', `expected ${expected}, got ${found}`)
}
