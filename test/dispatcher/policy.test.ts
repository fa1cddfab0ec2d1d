import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRetryPolicy } from '../../src/dispatcher/index.ts'

const policy = createRetryPolicy({ failures: 5, crashes: 3, backoffMs: [10_000, 600_000] })

test('waits double after each failure', () => {
  expect([1, 2, 3, 4].map((failures) => policy.afterFailure(failures, 0))).toEqual([
    { kind: 'retry', delayMs: 10_000 },
    { kind: 'retry', delayMs: 20_000 },
    { kind: 'retry', delayMs: 40_000 },
    { kind: 'retry', delayMs: 80_000 },
  ])
  expect(policy.afterFailure(1, 0.5)).toEqual({ kind: 'retry', delayMs: 15_000 })
})

test('the last allowed failure parks', () => {
  expect(policy.afterFailure(5, 0)).toEqual({ kind: 'park' })
  expect(policy.afterFailure(6, 0)).toEqual({ kind: 'park' })
})

test('the first crash is tried again at once, the next one later, the last one parks', () => {
  expect(policy.afterCrash(1, 0.9)).toEqual({ kind: 'retry', delayMs: 0 })
  expect(policy.afterCrash(2, 0)).toEqual({ kind: 'retry', delayMs: 10_000 })
  expect(policy.afterCrash(3, 0)).toEqual({ kind: 'park' })
})

test('every wait lies between the shortest and the longest', () => {
  const eager = createRetryPolicy({ failures: 1e9, crashes: 1e9, backoffMs: [10_000, 600_000] })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (count, random) => {
        for (const verdict of [eager.afterFailure(count, random), eager.afterCrash(count + 1, random)]) {
          expect(verdict.kind).toBe('retry')
          if (verdict.kind !== 'retry') return
          expect(verdict.delayMs).toBeGreaterThanOrEqual(10_000)
          expect(verdict.delayMs).toBeLessThanOrEqual(600_000)
        }
      },
    ),
  )
})

test('with one allowed crash the first one parks', () => {
  expect(createRetryPolicy({ failures: 1, crashes: 1, backoffMs: [1, 1] }).afterCrash(1, 0)).toEqual({ kind: 'park' })
})
