// The counters that make `status` cheap. They change only here, and in the transaction that changes what they count; `verify` recounts them.
import { nodeOfSlot, type FullSlotName } from '../../core/index.ts'
import type { IdState } from '../ledger.ts'
import type { Store } from './store.ts'

export interface NodeChange {
  readonly leased?: number
  readonly done?: number
  readonly failures?: number
  readonly crashes?: number
}

export interface Counters {
  /** `count` IDs went from one state to another; from undefined: they were imported. */
  moved(from: IdState | undefined, to: IdState, count: number): void
  changeNode(slot: FullSlotName, change: NodeChange): void
}

export function prepareCounters({ database }: Store): Counters {
  const changeTotals = database.prepare(
    'UPDATE ledger SET pending = pending + ?, leased = leased + ?, done = done + ?, parked = parked + ?',
  )
  const changeNode = database.prepare(
    `INSERT INTO node (name, leased, done, failures, crashes) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
     leased = leased + excluded.leased, done = done + excluded.done, failures = failures + excluded.failures, crashes = crashes + excluded.crashes`,
  )
  return {
    moved: (from, to, count) => {
      const change = (state: IdState) => (state === to ? count : 0) - (state === from ? count : 0)
      changeTotals.run(change('pending'), change('leased'), change('done'), change('parked'))
    },
    changeNode: (slot, { leased = 0, done = 0, failures = 0, crashes = 0 }) => {
      changeNode.run(nodeOfSlot(slot), leased, done, failures, crashes)
    },
  }
}
