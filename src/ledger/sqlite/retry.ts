// A person decides that parked IDs get another chance: pending at once, with no failures and no crashes on their account.
import type { Id } from '../../core/index.ts'
import { PARKED, PENDING } from './codes.ts'
import { prepareCounters } from './counters.ts'
import { preparePostpone } from './postpone.ts'
import { integer } from './row.ts'
import type { Store } from './store.ts'

/** Without `ids`: all parked ones, found by their index; about 5 us each, in one transaction. IDs that are unknown or not parked are passed over. */
export function prepareRetry(store: Store): (ids?: readonly Id[]) => number {
  const { database } = store
  const counters = prepareCounters(store)
  const postpone = preparePostpone(store)
  const selectAll = database.prepare(`SELECT seq FROM item INDEXED BY item_parked WHERE state = ${PARKED} ORDER BY seq`)
  const selectOne = database.prepare(`SELECT seq FROM item WHERE id = ? AND state = ${PARKED}`)
  const clear = database.prepare(
    `UPDATE item SET state = ${PENDING}, failures = 0, crashes = 0 WHERE seq = ? AND state = ${PARKED}`,
  )
  return (ids) => {
    const rows = ids === undefined ? selectAll.all() : ids.map((id) => selectOne.get(id))
    let count = 0
    for (const row of rows) {
      // Unknown or not parked; or named twice, and cleared already.
      if (row === undefined || clear.run(integer(row, 'seq')).changes === 0) continue
      postpone(integer(row, 'seq'), 0)
      count += 1
    }
    if (count > 0) counters.moved('parked', 'pending', count)
    return count
  }
}
