// What one server may hold against us while many logins are tried at once, with a clock that is turned by hand.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FleetError, type Clock } from '../../src/core/index.ts'
import { createLoginBook, type Admission } from '../../src/ssh/login-book.ts'
import { errorOf } from './workbench.ts'

const refusal = (): FleetError => new FleetError('FLEET_SSH_AUTH', 'no')

/** Lets everything that can go on go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('logins at one server', () => {
  const still: Clock = { nowMs: () => 0, monotonicMs: () => 0 }

  test('that it does not know yet go two at a time, and all of the same kind once one was accepted', async () => {
    const book = createLoginBook(still)
    const admitted: Admission[] = []
    const tries = Array.from({ length: 8 }, async () => {
      const admission = await book.admit('root', undefined)
      if (admission instanceof FleetError) throw admission
      admitted.push(admission)
    })
    await settled()
    expect(admitted).toHaveLength(2)
    admitted[0]?.settle(undefined)
    await Promise.all(tries)
    expect(admitted).toHaveLength(8)
  })

  test('that it refused once are not offered again, those that waited meanwhile included', async () => {
    const book = createLoginBook(still)
    const first = await book.admit('root', undefined)
    await book.admit('root', undefined)
    const waiting = book.admit('root', undefined)
    const error = refusal()
    if (!(first instanceof FleetError)) first.settle(error)
    expect(await waiting).toBe(error)
    expect(await book.admit('root', undefined)).toBe(error)
    expect(book.mayBeBanned()).toBe(true)
  })

  test('that wait can be given up', async () => {
    const book = createLoginBook(still)
    await Promise.all([book.admit('a', undefined), book.admit('b', undefined)])
    const controller = new AbortController()
    const waiting = errorOf(book.admit('c', controller.signal), 'FLEET_SSH_ABORTED')
    controller.abort()
    await waiting
  })

  test('never add up to a ban, even if all that are under way fail at the same moment', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ stepMs: fc.nat(3000), failures: fc.nat(3), tries: fc.nat(3) }), { maxLength: 25 }),
        async (rounds) => {
          let nowMs = 0
          let clearAtMs = 0
          let count = 0
          const controller = new AbortController()
          const book = createLoginBook({ nowMs: () => nowMs, monotonicMs: () => nowMs })
          const underWay: Admission[] = []
          for (const { stepMs, failures, tries } of rounds) {
            nowMs += stepMs
            for (let index = 0; index < tries; index += 1)
              void book.admit(`login ${(count += 1)}`, controller.signal).then(
                (admission) => {
                  if (!(admission instanceof FleetError)) underWay.push(admission)
                },
                () => undefined,
              )
            await settled()
            const accruedMs = Math.max(0, clearAtMs - nowMs) + underWay.length * 5000
            expect(accruedMs).toBeLessThanOrEqual(15_000)
            for (const admission of underWay.splice(0, failures)) {
              clearAtMs = Math.max(clearAtMs, nowMs) + 5000
              admission.settle(refusal())
            }
          }
          controller.abort()
        },
      ),
      { numRuns: 60 },
    )
  })
})
