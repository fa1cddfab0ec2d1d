// A call with a fence that is not valid changes nothing about its ID, but it is counted: many of them mean workers that outlive their leases.
import type { Fence, Id } from '../../core/index.ts'
import type { Store } from './store.ts'

/** Counts on the attempt that had this fence, if it belongs to the ID, and in any case on the ledger. */
export function prepareRefuse({ database }: Store): (id: Id, fence: Fence) => void {
  const countOnAttempt = database.prepare(
    'UPDATE attempt SET stale_calls = stale_calls + 1 WHERE fence = ? AND ? = (SELECT id FROM item WHERE item.seq = attempt.seq)',
  )
  const countOnLedger = database.prepare('UPDATE ledger SET stale_calls = stale_calls + 1')
  return (id, fence) => {
    countOnAttempt.run(fence, id)
    countOnLedger.run()
  }
}
