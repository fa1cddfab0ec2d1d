import { expect, test } from 'vitest'
import type { Clock } from '../../src/core/index.ts'
import { createRateRing } from '../../src/dispatcher/rate-ring.ts'

function standingClock(): Clock & { ms: number } {
  return {
    ms: 0,
    nowMs: () => 0,
    monotonicMs() {
      return this.ms
    },
  }
}

test('counts over the last minute, and over its own life while that is shorter', () => {
  const clock = standingClock()
  const ring = createRateRing(clock)
  ring.add()
  ring.add()
  expect(ring.perMinute()).toBe(120)
  clock.ms = 30_000
  ring.add()
  expect(ring.perMinute()).toBe(6)
  clock.ms = 60_500
  expect(ring.perMinute()).toBe(1)
  clock.ms = 1_000_000
  expect(ring.perMinute()).toBe(0)
  ring.add()
  expect(ring.perMinute()).toBe(1)
})
