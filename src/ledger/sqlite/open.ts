// The SQLite ledger: each verb prepared once, writes through the group commit, reads at once on the same connection (they see what is committed,
// because a transaction never outlives a turn of the event loop).
import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../core/index.ts'
import { checkImport, checkLimit, checkSettlement, checkTtl } from '../arguments.ts'
import type { Ledger, RetryPolicy } from '../ledger.ts'
import { connect } from './connect.ts'
import { toLedgerError } from './engine-error.ts'
import { prepareExpire, renewAllLeases } from './expire.ts'
import { closedError, createGroupCommit } from './group-commit.ts'
import { forgetHolder, noteHolder } from './holder.ts'
import { prepareImport } from './import.ts'
import { createLedgerClock } from './ledger-clock.ts'
import { prepareLease } from './lease.ts'
import { prepareList } from './list.ts'
import { prepareNextEvent } from './next-event.ts'
import { prepareSetPaused } from './pause.ts'
import { prepareRenew } from './renew.ts'
import { prepareRetry } from './retry.ts'
import { integer, onlyRow } from './row.ts'
import { prepareSettle } from './settle.ts'
import { prepareShow } from './show.ts'
import { prepareStatus } from './status.ts'
import type { Store } from './store.ts'
import { prepareVerify } from './verify.ts'

/** Rows of an import that are as much work as one ordinary call. */
const ROWS_PER_CALL = 10

export interface SqliteLedgerOptions {
  /** Created, with mode 0600, if it is not there; its folder must be. */
  readonly file: string
  readonly policy: RetryPolicy
  readonly clock: Clock
  /** From [0, 1); handed to the policy. */
  readonly random: () => number
  /** How long to wait for another holder of the file that is just leaving, milliseconds. Default 1,000. */
  readonly lockWaitMs?: number
}

/**
 * Opens a ledger file, alone: a second opening anywhere on the machine is refused until this one is closed or its process has ended. Costs O(leases).
 * Every lease that is out gets its full ttl again. Throws the errors of connect.ts.
 */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  const file = resolve(options.file)
  const database = await connect(file, {
    lockWaitMs: options.lockWaitMs ?? 1000,
    firstFence: Math.max(0, Math.floor(options.clock.nowMs())),
    random: options.random,
  })
  try {
    const store = createStore(database, options)
    const ledger = createLedger(store, file)
    renewAllLeases(store)
    noteHolder(file, options.clock.nowMs())
    return ledger
  } catch (thrown) {
    database.close()
    throw toLedgerError(thrown, file)
  }
}

function createStore(database: DatabaseSync, { policy, clock, random }: SqliteLedgerOptions): Store {
  const latestMs = integer(onlyRow(database.prepare('SELECT clock_at_ms FROM ledger')), 'clock_at_ms')
  const nowMs = createLedgerClock(clock, latestMs)
  return { database, policy, random, nowMs, wallMs: () => Math.floor(clock.nowMs()) }
}

function createLedger(store: Store, file: string): Ledger {
  const { database } = store
  const commit = createGroupCommit(database, file)
  const importRows = prepareImport(store)
  const lease = prepareLease(store)
  const renew = prepareRenew(store)
  const settle = prepareSettle(store)
  const expire = prepareExpire(store)
  const retry = prepareRetry(store)
  const setPaused = prepareSetPaused(store)
  const nextEventMs = prepareNextEvent(store)
  const status = prepareStatus(store)
  const show = prepareShow(store)
  const list = prepareList(store)
  const verify = prepareVerify(store)
  return {
    import: async (rows) => {
      checkImport(rows)
      return commit.run(() => importRows(rows), 1 + rows.length / ROWS_PER_CALL)
    },
    lease: async (seat, ttlMs) => {
      checkTtl(ttlMs)
      return commit.run(() => lease(seat, ttlMs))
    },
    renew: async (id, fence, ttlMs) => {
      checkTtl(ttlMs)
      return commit.run(() => renew(id, fence, ttlMs))
    },
    settle: async (settlement) => {
      checkSettlement(settlement)
      return commit.run(() => settle(settlement))
    },
    expire: () => commit.run(expire),
    retry: (ids) => commit.run(() => retry(ids)),
    setPaused: (paused) =>
      commit.run(() => {
        setPaused(paused)
      }),
    nextEventMs: () => read(nextEventMs),
    status: () => read(status),
    show: (id) => read(() => show(id)),
    list: async (query) => {
      checkLimit(query.limit)
      return read(() => list(query))
    },
    verify: () => read(verify),
    close: () => {
      if (database.isOpen) {
        commit.close()
        forgetHolder(file)
        database.close()
      }
      return Promise.resolve()
    },
  }

  function read<Answer>(query: () => Answer): Promise<Answer> {
    return new Promise((resolve) => {
      if (!database.isOpen) throw closedError(file)
      try {
        resolve(query())
      } catch (thrown) {
        throw toLedgerError(thrown, file)
      }
    })
  }
}
