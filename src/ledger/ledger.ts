// The durable truth about every ID, behind one interface. Promises that every implementation keeps (the contract suite checks them):
//  1. imported = pending + leased + done + parked, at every moment, across a crash at any point.
//  2. At most one fence is valid for an ID, and a transition with any other fence changes nothing.
//  3. A promise that resolved is durable: it survives the loss of power.
//  4. Every transition is one conditional write; time is decided inside the ledger.
//
//              import                lease                    complete
//   (nothing) ────────▶ pending ───────────────▶ leased ──────────────────▶ done
//                        ▲  ▲                     │ │ │
//                        │  └──── release ────────┘ │ └── fail permanent, or failures/crashes used up ──▶ parked
//                        └─ fail, crash, expiry ────┘                                                       │
//                        └──────────────────────────────────── retry (a person) ────────────────────────────┘
import type { Fence, FullSlotName, Id, InstanceName } from '../core/index.ts'

export type IdState = 'pending' | 'leased' | 'done' | 'parked'

/** How one lease ended. `crashed`: its slot came back with a new instance; `expired`: nothing was heard in time. */
export type Outcome = 'completed' | 'failed' | 'released' | 'crashed' | 'expired'

export interface Seat {
  readonly slot: FullSlotName
  readonly instance: InstanceName
}

export interface Lease {
  readonly id: Id
  readonly fence: Fence
  /** 1 for the first lease of this ID, and so on. */
  readonly attempt: number
  /** How long the lease is good for from now, in milliseconds. */
  readonly ttlMs: number
  /** JSON text, exactly as imported. */
  readonly payload?: string
}

export type LeaseAnswer =
  | { readonly kind: 'leased'; readonly lease: Lease }
  /** Nothing to hand out now. `nextDueMs`: milliseconds until a delayed ID becomes due, if there is one. */
  | { readonly kind: 'empty'; readonly nextDueMs?: number }
  /** IDs were imported and each is done or parked. */
  | { readonly kind: 'finished' }

export type SettleAnswer =
  /** `replayed`: this fence had been settled in the same way before, and nothing changed. */
  | { readonly kind: 'settled'; readonly state: IdState; readonly replayed: boolean }
  /** The fence is not the valid one, or was settled in another way. Nothing changed but a line in the ID's history and the count of stale calls. */
  | { readonly kind: 'stale' }

export type RenewAnswer = { readonly kind: 'renewed'; readonly ttlMs: number } | { readonly kind: 'stale' }

export type Settlement =
  /** `result`: JSON text, at most 64 KiB. */
  | { readonly kind: 'complete'; readonly id: Id; readonly fence: Fence; readonly result?: string }
  | {
      readonly kind: 'fail'
      readonly id: Id
      readonly fence: Fence
      /** 1 to 64 bytes, a short class such as `exit-1` or `http-503`. */
      readonly errorClass: string
      /** At most 4 KiB; longer ones are cut by the caller. */
      readonly message: string
      readonly permanent: boolean
    }
  /** Hands the ID back at no cost. `delayMs`: not before this many milliseconds. */
  | { readonly kind: 'release'; readonly id: Id; readonly fence: Fence; readonly delayMs: number }

/** What the ledger asks when a lease ends badly. Pure; `failures` and `crashes` already count the one that just happened, and `random` is from [0, 1). */
export interface RetryPolicy {
  afterFailure(
    failures: number,
    random: number,
  ): { readonly kind: 'park' } | { readonly kind: 'retry'; readonly delayMs: number }
  afterCrash(
    crashes: number,
    random: number,
  ): { readonly kind: 'park' } | { readonly kind: 'retry'; readonly delayMs: number }
}

export interface ImportRow {
  readonly id: Id
  /** JSON text, at most 64 KiB. */
  readonly payload?: string
}

export interface ImportAnswer {
  readonly added: number
  /** Already there; left as they were. */
  readonly duplicates: number
}

/** Delayed IDs count as pending. `imported` is always the sum of the other four. */
export interface IdCounts {
  readonly imported: number
  readonly pending: number
  readonly leased: number
  readonly done: number
  readonly parked: number
}

export interface NodeCounts {
  readonly node: string
  readonly leased: number
  readonly done: number
  readonly failures: number
  readonly crashes: number
}

export interface LedgerStatus {
  readonly ids: IdCounts
  readonly nodes: readonly NodeCounts[]
  /** Renew and settle calls that were refused because their fence was not valid, since the ledger was created. */
  readonly staleCalls: number
  readonly paused: boolean
}

export interface Attempt {
  readonly fence: Fence
  readonly slot: FullSlotName
  /** Wall time by the ledger's clock, milliseconds since the epoch. */
  readonly startedMs: number
  readonly endedMs?: number
  readonly outcome?: Outcome
  readonly errorClass?: string
  readonly message?: string
  /** Refused calls that carried this fence after it had lost its validity. */
  readonly staleCalls: number
}

export interface IdRecord {
  readonly id: Id
  readonly state: IdState
  /** The fence of the latest lease; 0 when there was none. */
  readonly fence: number
  readonly failures: number
  readonly crashes: number
  readonly payload?: string
  readonly result?: string
}

export interface IdHistory extends IdRecord {
  readonly attempts: readonly Attempt[]
}

/**
 * Every call may throw FLEET_LEDGER_UNAVAILABLE (retryable: the disk or the database is away; nothing of the call was kept, unless the process dies at
 * that very moment, so it is made again), FLEET_LEDGER_BAD_ARGUMENT (outside of the ranges below) and FLEET_LEDGER_CLOSED. Every call may be repeated.
 */
export interface Ledger {
  /** Adds IDs in the order given, in one transaction. Idempotent: an ID that is there is counted as duplicate and left alone. At most 10,000 rows a call. */
  import(rows: readonly ImportRow[]): Promise<ImportAnswer>
  /**
   * Grants the next ID to a seat. The same slot and instance get the lease that they hold, with a full ttl again; the same slot with a
   * new instance ends the old lease as `crashed` first. Due retries come before IDs that were never tried. While paused, grants nothing new (`empty`).
   */
  lease(seat: Seat, ttlMs: number): Promise<LeaseAnswer>
  /** Gives the lease `ttlMs` from now, if the fence is valid. A fence stays valid beyond its time until `expire` or a new instance in its slot has ended the lease. */
  renew(id: Id, fence: Fence, ttlMs: number): Promise<RenewAnswer>
  /** Ends a lease. The same settlement with the same fence again answers the same; its `state` is the one that the ID has by then. */
  settle(settlement: Settlement): Promise<SettleAnswer>
  /** Ends every lease whose time is over, as `expired` (a crash). Returns how many. Safe to call at any time, from anyone. */
  expire(): Promise<number>
  /** Milliseconds until the next lease ends (0: `expire` has something to do) or the next delayed ID becomes due; undefined when there is neither. IDs that are due already do not count. */
  nextEventMs(): Promise<number | undefined>
  /** Parked IDs (all, or the given ones) become pending again with their failure and crash counts at 0. Returns how many. */
  retry(ids?: readonly Id[]): Promise<number>
  setPaused(paused: boolean): Promise<void>
  /** O(nodes), never O(IDs). */
  status(): Promise<LedgerStatus>
  show(id: Id): Promise<IdHistory | undefined>
  /** IDs in import order, at most `limit` (1 to 10,000), after the ID `after` if given (FLEET_LEDGER_UNKNOWN_ID if it was never imported). */
  list(query: { readonly state?: IdState; readonly after?: Id; readonly limit: number }): Promise<readonly IdRecord[]>
  /** Recounts everything and compares it with the counters: the differences, empty when all is well. O(IDs). */
  verify(): Promise<readonly string[]>
  /** Flushes what waits and closes. Calls afterwards are refused with FLEET_LEDGER_CLOSED. May be called twice. */
  close(): Promise<void>
}
