// Grants the next ID to a seat. Reads the seat's own lease, the head of the retries and the row above the cursor, each by key: the number of IDs
// does not matter.
import { parseFence, parseId, type Id } from '../../core/index.ts'
import type { Lease, LeaseAnswer, Seat } from '../ledger.ts'
import { LEASED } from './codes.ts'
import { prepareCounters } from './counters.ts'
import { prepareEndLease } from './end-lease.ts'
import { heldLease, SELECT_HELD } from './held-lease.ts'
import { prepareRenew } from './renew.ts'
import { integer, onlyRow, text, type Row } from './row.ts'
import type { Store } from './store.ts'

export function prepareLease(store: Store): (seat: Seat, ttlMs: number) => LeaseAnswer {
  const { database } = store
  const selectSeat = database.prepare(`${SELECT_HELD} WHERE lease.slot = ?`)
  const selectLedger = database.prepare('SELECT cursor, pending, leased, done + parked AS ended, paused FROM ledger')
  const endLease = prepareEndLease(store)
  const renew = prepareRenew(store)
  const takeRetry = prepareTakeRetry(store)
  const takeUntried = prepareTakeUntried(store)
  const grant = prepareGrant(store)
  const addPayload = prepareAddPayload(store)
  return (seat, ttlMs) => {
    const row = selectSeat.get(seat.slot)
    if (row !== undefined) {
      const held = heldLease(row)
      if (held.instance === seat.instance) {
        renew(held.id, held.fence, ttlMs)
        return leased(addPayload({ id: held.id, fence: held.fence, attempt: held.attempts, ttlMs }, held.seq))
      }
      endLease(held, { outcome: 'crashed' })
    }
    const ledger = onlyRow(selectLedger)
    if (integer(ledger, 'paused') === 1) return { kind: 'empty' }
    const retry = takeRetry()
    const next = retry.taken ?? takeUntried(integer(ledger, 'cursor'))
    if (next !== undefined) return leased(addPayload(grant(next, seat, ttlMs), next.seq))
    if (integer(ledger, 'pending') + integer(ledger, 'leased') === 0 && integer(ledger, 'ended') > 0)
      return { kind: 'finished' }
    return retry.nextDueMs === undefined ? { kind: 'empty' } : { kind: 'empty', nextDueMs: retry.nextDueMs }
  }
}

function leased(lease: Lease): LeaseAnswer {
  return { kind: 'leased', lease }
}

interface Candidate {
  readonly seq: number
  readonly id: Id
  readonly previous: number
  readonly attempts: number
}

function candidate(row: Row): Candidate {
  return {
    seq: integer(row, 'seq'),
    id: parseId(text(row, 'id')),
    previous: integer(row, 'fence'),
    attempts: integer(row, 'attempts'),
  }
}

/** The retry that has been due longest, taken off its table; otherwise how long until the first is due. */
function prepareTakeRetry({
  database,
  nowMs,
}: Store): () => { readonly taken?: Candidate; readonly nextDueMs?: number } {
  const selectFirst = database.prepare(
    `SELECT item.seq, item.id, item.fence, item.attempts, retry.due_at_ms
     FROM retry JOIN item ON item.seq = retry.seq ORDER BY retry.due_at_ms, retry.seq LIMIT 1`,
  )
  const remove = database.prepare('DELETE FROM retry WHERE seq = ?')
  return () => {
    const row = selectFirst.get()
    if (row === undefined) return {}
    const waitMs = integer(row, 'due_at_ms') - nowMs()
    if (waitMs > 0) return { nextDueMs: waitMs }
    const taken = candidate(row)
    remove.run(taken.seq)
    return { taken }
  }
}

/** The first ID above the cursor, and the cursor moved onto it. */
function prepareTakeUntried({ database }: Store): (cursor: number) => Candidate | undefined {
  const selectNext = database.prepare('SELECT seq, id, fence, attempts FROM item WHERE seq > ? ORDER BY seq LIMIT 1')
  const moveCursor = database.prepare('UPDATE ledger SET cursor = ?')
  return (cursor) => {
    const row = selectNext.get(cursor)
    if (row === undefined) return undefined
    const taken = candidate(row)
    moveCursor.run(taken.seq)
    return taken
  }
}

function prepareGrant(store: Store): (next: Candidate, seat: Seat, ttlMs: number) => Lease {
  const { database, nowMs, wallMs } = store
  const counters = prepareCounters(store)
  const takeFence = database.prepare('UPDATE ledger SET fence = fence + 1 RETURNING fence')
  const insertLease = database.prepare(
    'INSERT INTO lease (fence, seq, slot, instance, previous, ttl_ms, expires_at_ms, started_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const updateItem = database.prepare(`UPDATE item SET state = ${LEASED}, fence = ?, attempts = ? WHERE seq = ?`)
  return ({ seq, id, previous, attempts }, { slot, instance }, ttlMs) => {
    const fence = parseFence(integer(onlyRow(takeFence), 'fence'))
    const attempt = attempts + 1
    insertLease.run(fence, seq, slot, instance, previous, ttlMs, nowMs() + ttlMs, wallMs())
    updateItem.run(fence, attempt, seq)
    counters.moved('pending', 'leased', 1)
    counters.changeNode(slot, { leased: 1 })
    return { id, fence, attempt, ttlMs }
  }
}

function prepareAddPayload({ database }: Store): (lease: Lease, seq: number) => Lease {
  const selectPayload = database.prepare('SELECT json FROM payload WHERE seq = ?')
  return (lease, seq) => {
    const row = selectPayload.get(seq)
    return row === undefined ? lease : { ...lease, payload: text(row, 'json') }
  }
}
