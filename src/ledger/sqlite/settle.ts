// Ends a lease because its worker said so. The fence decides, looked up in the transaction that acts on it.
import type { SettleAnswer, Settlement } from '../ledger.ts'
import type { Ending } from '../transition.ts'
import { outcomeOf, stateOf } from './codes.ts'
import { prepareEndLease } from './end-lease.ts'
import { heldLease, SELECT_HELD } from './held-lease.ts'
import { prepareRefuse } from './refuse.ts'
import { integer } from './row.ts'
import type { Store } from './store.ts'

/** A replay answers with the state that the ID has now; that may be a later one than the settlement led to. */
export function prepareSettle(store: Store): (settlement: Settlement) => SettleAnswer {
  const selectHeld = store.database.prepare(`${SELECT_HELD} WHERE lease.fence = ? AND item.id = ?`)
  const selectEnded = store.database.prepare(
    'SELECT attempt.outcome, item.state FROM attempt JOIN item ON item.seq = attempt.seq WHERE attempt.fence = ? AND item.id = ?',
  )
  const endLease = prepareEndLease(store)
  const refuse = prepareRefuse(store)
  return (settlement) => {
    const { id, fence } = settlement
    const ending = endingOf(settlement)
    const held = selectHeld.get(fence, id)
    if (held !== undefined) return { kind: 'settled', state: endLease(heldLease(held), ending), replayed: false }
    const ended = selectEnded.get(fence, id)
    if (ended !== undefined && outcomeOf(integer(ended, 'outcome')) === ending.outcome) {
      return { kind: 'settled', state: stateOf(integer(ended, 'state')), replayed: true }
    }
    refuse(id, fence)
    return { kind: 'stale' }
  }
}

function endingOf(settlement: Settlement): Ending {
  switch (settlement.kind) {
    case 'complete':
      return settlement.result === undefined
        ? { outcome: 'completed' }
        : { outcome: 'completed', result: settlement.result }
    case 'fail': {
      const { errorClass, message, permanent } = settlement
      return { outcome: 'failed', errorClass, message, permanent }
    }
    case 'release':
      return { outcome: 'released', delayMs: settlement.delayMs }
    default:
      return unknownSettlement(settlement)
  }
}

function unknownSettlement(settlement: never): never {
  throw new TypeError(`no ending for ${JSON.stringify(settlement)}`)
}
