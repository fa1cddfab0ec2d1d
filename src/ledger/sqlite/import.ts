// Appends IDs. `seq` follows the order of the rows, and duplicates take no number.
import type { ImportAnswer, ImportRow } from '../ledger.ts'
import { prepareCounters } from './counters.ts'
import type { Store } from './store.ts'

export function prepareImport(store: Store): (rows: readonly ImportRow[]) => ImportAnswer {
  const counters = prepareCounters(store)
  const insertItem = store.database.prepare('INSERT INTO item (id) VALUES (?) ON CONFLICT (id) DO NOTHING')
  const insertPayload = store.database.prepare('INSERT INTO payload (seq, json) VALUES (?, ?)')
  return (rows) => {
    let added = 0
    for (const { id, payload } of rows) {
      const { changes, lastInsertRowid } = insertItem.run(id)
      if (changes === 0) continue
      added += 1
      if (payload !== undefined) insertPayload.run(lastInsertRowid, payload)
    }
    if (added > 0) counters.moved(undefined, 'pending', added)
    return { added, duplicates: rows.length - added }
  }
}
