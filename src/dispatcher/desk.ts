// What the calls share: one value, made when the dispatcher starts.
import type { Clock } from '../core/index.ts'
import type { GuardedLedger } from './guarded-ledger.ts'
import type { LeaseBook } from './lease-book.ts'
import type { LeaseDesk } from './lease-desk.ts'
import type { Tally } from './tally.ts'

export interface Desk {
  readonly ledger: GuardedLedger
  readonly leases: LeaseDesk
  readonly book: LeaseBook
  readonly tally: Tally
  readonly clock: Clock
  readonly job: string
  readonly version: string
  readonly leaseMs: number
  readonly startedMs: number
  /** True once the dispatcher is stopping. */
  isDraining: boolean
}
