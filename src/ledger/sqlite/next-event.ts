// When there is something to do that nobody will ask for: a lease to end, or an ID that becomes due for those who wait.
import { integer, onlyRow } from './row.ts'
import type { Store } from './store.ts'

/** IDs that are due already do not count: whoever calls `lease` gets them, and a timer at 0 would only spin. */
export function prepareNextEvent({ database, nowMs }: Store): () => number | undefined {
  const selectExpiry = database.prepare('SELECT coalesce(min(expires_at_ms), -1) AS at_ms FROM lease')
  const selectDue = database.prepare(
    'SELECT due_at_ms AS at_ms FROM retry WHERE due_at_ms > ? ORDER BY due_at_ms LIMIT 1',
  )
  return () => {
    const now = nowMs()
    const expiryAtMs = integer(onlyRow(selectExpiry), 'at_ms')
    const due = selectDue.get(now)
    const events = [...(expiryAtMs < 0 ? [] : [expiryAtMs]), ...(due === undefined ? [] : [integer(due, 'at_ms')])]
    return events.length === 0 ? undefined : Math.max(0, Math.min(...events) - now)
  }
}
