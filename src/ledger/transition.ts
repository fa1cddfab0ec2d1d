// What an ID becomes when a lease on it ends. Pure, and the same for every implementation of the ledger; the diagram is in ledger.ts.
import type { IdState, Outcome, RetryPolicy } from './ledger.ts'

/** How a lease ends, with what was said about it. */
export type Ending =
  | { readonly outcome: 'completed'; readonly result?: string }
  | { readonly outcome: 'failed'; readonly errorClass: string; readonly message: string; readonly permanent: boolean }
  | { readonly outcome: 'released'; readonly delayMs: number }
  | { readonly outcome: 'crashed' | 'expired' }

export interface Tally {
  readonly failures: number
  readonly crashes: number
}

export interface Transition extends Tally {
  readonly state: Exclude<IdState, 'leased'>
  /** Whole milliseconds before a pending ID may be granted again; 0 in the other states. */
  readonly delayMs: number
}

/** `tally` is what the ID had before this ending. `random` is asked at most once. */
export function transition(ending: Ending, tally: Tally, policy: RetryPolicy, random: () => number): Transition {
  switch (ending.outcome) {
    case 'completed':
      return { ...tally, state: 'done', delayMs: 0 }
    case 'released':
      return pending(tally, ending.delayMs)
    case 'failed': {
      const after = { ...tally, failures: tally.failures + 1 }
      if (ending.permanent) return parked(after)
      const verdict = policy.afterFailure(after.failures, random())
      return verdict.kind === 'park' ? parked(after) : pending(after, verdict.delayMs)
    }
    case 'crashed':
    case 'expired': {
      const after = { ...tally, crashes: tally.crashes + 1 }
      const verdict = policy.afterCrash(after.crashes, random())
      return verdict.kind === 'park' ? parked(after) : pending(after, verdict.delayMs)
    }
    default:
      return unknownEnding(ending)
  }
}

/** Which of the node's two bad counts an outcome adds to. */
export function blame(outcome: Outcome): Tally {
  return { failures: outcome === 'failed' ? 1 : 0, crashes: outcome === 'crashed' || outcome === 'expired' ? 1 : 0 }
}

function pending(tally: Tally, delayMs: number): Transition {
  return { ...tally, state: 'pending', delayMs: Math.max(0, Math.ceil(delayMs)) }
}

function parked(tally: Tally): Transition {
  return { ...tally, state: 'parked', delayMs: 0 }
}

function unknownEnding(ending: never): never {
  throw new TypeError(`no transition for ${JSON.stringify(ending)}`)
}
