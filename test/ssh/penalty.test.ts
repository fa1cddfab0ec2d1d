// The account of what an sshd holds against us, with a clock that stands still.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addPenalty, mayBeBanned, NO_PENALTY, noteRefusal, waitMs } from '../../src/ssh/penalty.ts'

describe('the account of penalties', () => {
  test('asks nobody to wait before anything has failed', () => {
    expect(waitMs(NO_PENALTY, 10_000, 0)).toBe(0)
    expect(mayBeBanned(NO_PENALTY, 0)).toBe(false)
  })

  test('never lets more fail at once than the server forgives', () => {
    expect(waitMs(NO_PENALTY, 15_000, 0)).toBe(Infinity)
  })

  test('lets two failures of authentication follow each other at once, and the third wait', () => {
    const one = addPenalty(NO_PENALTY, 5000, 0)
    expect(waitMs(one, 5000, 0)).toBe(0)
    const two = addPenalty(one, 5000, 0)
    expect(waitMs(two, 5000, 0)).toBe(1000)
    expect(mayBeBanned(two, 0)).toBe(false)
    expect(mayBeBanned(noteRefusal(two, 0), 599_999)).toBe(true)
    expect(mayBeBanned(noteRefusal(two, 0), 600_000)).toBe(false)
  })

  test('never crosses the line of fifteen seconds when every wait is kept', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ penaltyMs: fc.constantFrom(1000, 5000), pauseMs: fc.nat(4000) })),
        (failures) => {
          let account = NO_PENALTY
          let nowMs = 0
          for (const { penaltyMs, pauseMs } of failures) {
            nowMs += pauseMs + waitMs(account, 5000, nowMs + pauseMs)
            account = addPenalty(account, penaltyMs, nowMs)
            expect(account.clearAtMs - nowMs).toBeLessThanOrEqual(15_000)
          }
        },
      ),
    )
  })
})
