// Gives a lease its time again. A lease whose time is over but that nothing has ended yet is still the valid one: its ID has not been given away.
import type { Fence, Id } from '../../core/index.ts'
import type { RenewAnswer } from '../ledger.ts'
import { prepareRefuse } from './refuse.ts'
import type { Store } from './store.ts'

export function prepareRenew(store: Store): (id: Id, fence: Fence, ttlMs: number) => RenewAnswer {
  const update = store.database.prepare(
    'UPDATE lease SET ttl_ms = ?, expires_at_ms = ? WHERE fence = ? AND ? = (SELECT id FROM item WHERE item.seq = lease.seq)',
  )
  const refuse = prepareRefuse(store)
  return (id, fence, ttlMs) => {
    if (update.run(ttlMs, store.nowMs() + ttlMs, fence, id).changes === 1) return { kind: 'renewed', ttlMs }
    refuse(id, fence)
    return { kind: 'stale' }
  }
}
