// IDs of the ledger as JSON. Payloads and results are put in as the text that they are.
import type { Attempt, IdHistory, IdRecord } from '../ledger/index.ts'

/** One line of an export, and with `attempts` the answer about one ID. Without payload and result: one item of a list. */
export function recordJson(
  record: IdRecord,
  parts: { readonly texts: boolean; readonly attempts?: readonly Attempt[] },
): string {
  const { id, state, fence, failures, crashes } = record
  const head = JSON.stringify({ id, state, fence, failures, crashes }).slice(0, -1)
  const attempts =
    parts.attempts === undefined ? '' : `,"attempts":${JSON.stringify(parts.attempts.map(attemptFields))}`
  const payload = !parts.texts || record.payload === undefined ? '' : `,"payload":${record.payload}`
  const result = !parts.texts || record.result === undefined ? '' : `,"result":${record.result}`
  return `${head}${attempts}${payload}${result}}`
}

export function historyJson(history: IdHistory): string {
  return recordJson(history, { texts: true, attempts: history.attempts })
}

function attemptFields(attempt: Attempt): Record<string, unknown> {
  return {
    fence: attempt.fence,
    slot: attempt.slot,
    started: new Date(attempt.startedMs).toISOString(),
    ended: attempt.endedMs === undefined ? undefined : new Date(attempt.endedMs).toISOString(),
    outcome: attempt.outcome,
    class: attempt.errorClass,
    message: attempt.message,
    stale_calls: attempt.staleCalls === 0 ? undefined : attempt.staleCalls,
  }
}
