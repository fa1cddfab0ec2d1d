// What a worker is told, as values: being told "nothing now", "paused" or "stale" is not an error, and the compiler sees to it
// that every case is handled.
import { settleAnswer } from './answers.ts'
import { answeredError, badAnswer } from './client-errors.ts'
import type { WireAnswer } from './client-wire.ts'
import { memberText } from './json-text.ts'
import { leaseFromJson, type WireLease } from './lease-codec.ts'

export type ClientLeaseAnswer =
  | { readonly kind: 'leased'; readonly lease: WireLease }
  /** Nothing within the wait; ask again. */
  | { readonly kind: 'empty' }
  /** IDs were imported and each is done or parked. */
  | { readonly kind: 'finished' }
  /** Paused, stopping, or its ledger cannot write: ask again after `retryAfterMs`. */
  | { readonly kind: 'busy'; readonly code: string; readonly retryAfterMs: number }

export type ClientSettleAnswer =
  | { readonly kind: 'settled'; readonly lease?: WireLease; readonly finished: boolean }
  /** The lease was lost: whatever this worker did for the ID must not be used. */
  | { readonly kind: 'stale' }

const DEFAULT_RETRY_AFTER_MS = 5000

export function leaseAnswerOf(answer: WireAnswer): ClientLeaseAnswer {
  if (answer.status === 200) return { kind: 'leased', lease: leaseIn(answer.text) ?? missing() }
  if (answer.status === 204) return { kind: 'empty' }
  if (answer.status === 410) return { kind: 'finished' }
  const error = answeredError(answer)
  if (answer.status !== 503) throw error
  return { kind: 'busy', code: error.code, retryAfterMs: answer.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS }
}

export function settleAnswerOf(answer: WireAnswer): ClientSettleAnswer {
  if (answer.status === 409) return { kind: 'stale' }
  if (answer.status !== 200) throw answeredError(answer)
  const lease = leaseIn(answer.text)
  const finished = settleAnswer.parse(JSON.parse(answer.text)).finished ?? false
  return lease === undefined ? { kind: 'settled', finished } : { kind: 'settled', lease, finished }
}

function leaseIn(text: string): WireLease | undefined {
  let json: string | undefined
  try {
    JSON.parse(text)
    json = memberText(text, 'lease')
  } catch (cause) {
    throw badAnswer('expected JSON from the dispatcher', cause)
  }
  return json === undefined ? undefined : leaseFromJson(json)
}

function missing(): never {
  throw badAnswer('expected a lease in the answer, found none')
}
