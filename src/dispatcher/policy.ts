// What happens to an ID whose lease ended badly. Pure: counts and a random number in, a verdict out.
//
//   failures:  1st -> wait about min, each further one about twice as long, never longer than max; at the limit -> parked
//   crashes:   1st -> at once, because a worker that died says little about the ID; then like failures; at the limit -> parked
import type { RetryPolicy } from '../ledger/index.ts'

export interface PolicyLimits {
  /** Failures after which an ID is parked, from 1. */
  readonly failures: number
  /** Crashes after which an ID is parked, from 1. */
  readonly crashes: number
  /** Shortest and longest wait, in milliseconds. */
  readonly backoffMs: readonly [number, number]
}

export function createRetryPolicy(limits: PolicyLimits): RetryPolicy {
  return {
    afterFailure(failures, random) {
      if (failures >= limits.failures) return { kind: 'park' }
      return { kind: 'retry', delayMs: backoff(limits.backoffMs, failures, random) }
    },
    afterCrash(crashes, random) {
      if (crashes >= limits.crashes) return { kind: 'park' }
      return { kind: 'retry', delayMs: crashes <= 1 ? 0 : backoff(limits.backoffMs, crashes - 1, random) }
    },
  }
}

/** The nth wait (n from 1): drawn from the upper half of min * 2^(n-1), so that IDs which failed together do not come back together; within min and max. */
function backoff([minMs, maxMs]: readonly [number, number], nth: number, random: number): number {
  const ceilingMs = Math.min(maxMs, minMs * 2 ** Math.min(nth, 40))
  const floorMs = Math.max(minMs, ceilingMs / 2)
  return Math.round(floorMs + (ceilingMs - floorMs) * random)
}
