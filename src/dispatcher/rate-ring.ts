// How many IDs are done per minute, over the last minute, with one counter per second.
import type { Clock } from '../core/index.ts'

export interface RateRing {
  add(): void
  perMinute(): number
}

const SECONDS = 60

/** `startedMs`: since when there has been anything to count, by the monotonic clock. */
export function createRateRing(clock: Clock, startedMs = clock.monotonicMs()): RateRing {
  const counts = new Uint32Array(SECONDS)
  let newest = second(clock)

  function advance(): number {
    const now = second(clock)
    for (let gone = Math.min(SECONDS, now - newest); gone > 0; gone -= 1) counts[(now - gone + 1) % SECONDS] = 0
    newest = now
    return now % SECONDS
  }

  return {
    add() {
      const index = advance()
      counts[index] = (counts[index] ?? 0) + 1
    },
    perMinute() {
      advance()
      const total = counts.reduce((sum, count) => sum + count, 0)
      // A process younger than a minute has only seen its own life.
      const seenSeconds = Math.min(SECONDS, Math.max(1, (clock.monotonicMs() - startedMs) / 1000))
      return Math.round((total * SECONDS * 10) / seenSeconds) / 10
    },
  }
}

function second(clock: Clock): number {
  return Math.floor(clock.monotonicMs() / 1000)
}
