// What every verb of the SQLite ledger works with. A verb is prepared once (its statements are compiled) and then called inside
// the transaction that group-commit.ts has opened; reads that need no transaction are called outside of one.
import type { DatabaseSync } from 'node:sqlite'
import type { RetryPolicy } from '../ledger.ts'

export interface Store {
  readonly database: DatabaseSync
  readonly policy: RetryPolicy
  /** From [0, 1). */
  readonly random: () => number
  /** Ledger time, whole milliseconds; decides everything. See ledger-clock.ts. */
  readonly nowMs: () => number
  /** Wall time, whole milliseconds since the epoch; only recorded. */
  readonly wallMs: () => number
}
