// Which failures to connect are tried again, how often and after how long. Pure; the classes are data, in failure-class.ts.
import type { FleetError, FleetErrorCode } from '../core/index.ts'
import { failureClass } from './failure-class.ts'

const CHANCES = { never: 0, few: 2, all: Number.POSITIVE_INFINITY } as const
/** As a number of doublings. */
const LONG_HEADSTART = 2

export interface Backoff {
  /** The first and the longest wait, in milliseconds. */
  readonly backoffMs: readonly [number, number]
  /** The same for a ban. */
  readonly penaltyMs: readonly [number, number]
}

/** Whether attempt number `attempt` (from 1), which ended with `error`, is followed by another. `retries`: the most that are wanted, from 0. */
export function isTriedAgain(error: FleetError, attempt: number, retries: number): boolean {
  return error.retryable && attempt <= Math.min(retries, CHANCES[failureClass(error.code).retry])
}

/**
 * Milliseconds before the attempt that follows attempt number `attempt` (from 1), which ended with `code`: doubling up to the
 * longest wait, of which the upper half is chance. A ban is waited for in full, and chance comes on top. `random` is from [0, 1).
 */
export function retryDelayMs(code: FleetErrorCode, attempt: number, random: number, backoff: Backoff): number {
  const { backoff: kind } = failureClass(code)
  const [baseMs, maxMs] = kind === 'penalty' ? backoff.penaltyMs : backoff.backoffMs
  const doublings = attempt - 1 + (kind === 'long' ? LONG_HEADSTART : 0)
  const fullMs = Math.min(maxMs, baseMs * 2 ** doublings)
  return Math.round(kind === 'penalty' ? fullMs * (1 + random / 4) : fullMs / 2 + (fullMs / 2) * random)
}
