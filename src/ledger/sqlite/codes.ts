// States and outcomes are small integers in the file: a hundred million rows hold one each. The positions are part of the file format.
import { FleetError } from '../../core/index.ts'
import type { IdState, Outcome } from '../ledger.ts'

const STATES = ['pending', 'leased', 'done', 'parked'] as const satisfies readonly IdState[]
const OUTCOMES = ['completed', 'failed', 'released', 'crashed', 'expired'] as const satisfies readonly Outcome[]

export const PENDING = 0
export const LEASED = 1
export const DONE = 2
export const PARKED = 3

export function stateCode(state: IdState): number {
  return STATES.indexOf(state)
}

export function stateOf(code: number): IdState {
  return STATES[code] ?? unknownCode('state', code)
}

export function outcomeCode(outcome: Outcome): number {
  return OUTCOMES.indexOf(outcome)
}

export function outcomeOf(code: number): Outcome {
  return OUTCOMES[code] ?? unknownCode('outcome', code)
}

function unknownCode(what: string, code: number): never {
  throw new FleetError('FLEET_LEDGER_CORRUPT', `expected a known ${what} in the ledger file, found code ${code}`, {
    remedy: 'restore the ledger from its latest backup',
  })
}
