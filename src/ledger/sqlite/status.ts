// The counters as they stand: one row of `ledger` and one for each node that ever had a lease.
import type { LedgerStatus } from '../ledger.ts'
import { integer, onlyRow, text } from './row.ts'
import type { Store } from './store.ts'

export function prepareStatus({ database }: Store): () => LedgerStatus {
  const selectLedger = database.prepare('SELECT pending, leased, done, parked, stale_calls, paused FROM ledger')
  const selectNodes = database.prepare('SELECT name, leased, done, failures, crashes FROM node ORDER BY name')
  return () => {
    const row = onlyRow(selectLedger)
    const states = {
      pending: integer(row, 'pending'),
      leased: integer(row, 'leased'),
      done: integer(row, 'done'),
      parked: integer(row, 'parked'),
    }
    return {
      ids: { imported: states.pending + states.leased + states.done + states.parked, ...states },
      nodes: selectNodes.all().map((node) => ({
        node: text(node, 'name'),
        leased: integer(node, 'leased'),
        done: integer(node, 'done'),
        failures: integer(node, 'failures'),
        crashes: integer(node, 'crashes'),
      })),
      staleCalls: integer(row, 'stale_calls'),
      paused: integer(row, 'paused') === 1,
    }
  }
}
