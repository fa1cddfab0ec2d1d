// Ends every lease whose time is over. What is over is decided and ended in one transaction, so no renewal can come between.
import { prepareEndLease } from './end-lease.ts'
import { heldLease, SELECT_HELD } from './held-lease.ts'
import type { Store } from './store.ts'

export function prepareExpire(store: Store): () => number {
  const selectOver = store.database.prepare(
    `${SELECT_HELD} WHERE lease.expires_at_ms <= ? ORDER BY lease.expires_at_ms, lease.fence`,
  )
  const endLease = prepareEndLease(store)
  return () => {
    const over = selectOver.all(store.nowMs())
    for (const row of over) endLease(heldLease(row), { outcome: 'expired' })
    return over.length
  }
}

/** An opening: nobody could renew while the ledger was closed, so each lease that is out gets its full ttl from now. */
export function renewAllLeases({ database, nowMs }: Store): void {
  database.prepare('UPDATE lease SET expires_at_ms = ? + ttl_ms').run(nowMs())
}
