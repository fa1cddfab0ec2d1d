// The one way in which a lease ends: settled, crashed or expired. The lease row goes, the attempt joins the log, the ID takes its next state.
import type { IdState } from '../ledger.ts'
import { blame, transition, type Ending } from '../transition.ts'
import { outcomeCode, stateCode } from './codes.ts'
import { prepareCounters } from './counters.ts'
import type { HeldLease } from './held-lease.ts'
import { preparePostpone } from './postpone.ts'
import type { Store } from './store.ts'

/** Returns the state that the ID has afterwards. The caller has found the lease in the same transaction. */
export function prepareEndLease(store: Store): (held: HeldLease, ending: Ending) => IdState {
  const { database } = store
  const counters = prepareCounters(store)
  const postpone = preparePostpone(store)
  const deleteLease = database.prepare('DELETE FROM lease WHERE fence = ?')
  const insertAttempt = database.prepare(
    `INSERT INTO attempt (fence, seq, previous, slot, outcome, started_ms, ended_ms, error_class, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const updateItem = database.prepare('UPDATE item SET state = ?, failures = ?, crashes = ? WHERE seq = ?')
  const insertResult = database.prepare('INSERT INTO result (seq, json) VALUES (?, ?)')
  return (held, ending) => {
    const next = transition(ending, held, store.policy, store.random)
    const said = ending.outcome === 'failed' ? ending : undefined
    deleteLease.run(held.fence)
    insertAttempt.run(
      held.fence,
      held.seq,
      held.previous,
      held.slot,
      outcomeCode(ending.outcome),
      held.startedMs,
      store.wallMs(),
      said?.errorClass ?? null,
      said?.message ?? null,
    )
    updateItem.run(stateCode(next.state), next.failures, next.crashes, held.seq)
    if (ending.outcome === 'completed' && ending.result !== undefined) insertResult.run(held.seq, ending.result)
    if (next.state === 'pending') postpone(held.seq, next.delayMs)
    counters.moved('leased', next.state, 1)
    counters.changeNode(held.slot, { leased: -1, done: next.state === 'done' ? 1 : 0, ...blame(ending.outcome) })
    return next.state
  }
}
