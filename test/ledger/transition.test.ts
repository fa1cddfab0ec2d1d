import { describe, expect, test } from 'vitest'
import { transition, type Ending } from '../../src/ledger/transition.ts'
import { policy } from './contract/fixture.ts'

const failure: Ending = { outcome: 'failed', errorClass: 'exit-1', message: '', permanent: false }

describe('transition', () => {
  test('asks the policy with the count that includes this ending', () => {
    expect(transition(failure, { failures: 1, crashes: 1 }, policy, () => 0)).toEqual({
      ...{ state: 'pending', delayMs: 2000, failures: 2, crashes: 1 },
    })
    expect(transition({ outcome: 'expired' }, { failures: 1, crashes: 1 }, policy, () => 0)).toMatchObject({
      ...{ state: 'parked', failures: 1, crashes: 2 },
    })
  })

  test('hands the random number to the policy and takes whole milliseconds from it', () => {
    const jittered = {
      ...policy,
      afterCrash: (_: number, random: number) => ({ kind: 'retry' as const, delayMs: 10 * random }),
    }
    expect(transition({ outcome: 'crashed' }, { failures: 0, crashes: 0 }, jittered, () => 0.55).delayMs).toBe(6)
  })

  test('does not ask the policy about a permanent failure, a release or a completion', () => {
    const silent = { afterFailure: refuse, afterCrash: refuse }
    const tally = { failures: 2, crashes: 1 }
    expect(transition({ ...failure, permanent: true }, tally, silent, refuse)).toMatchObject({
      state: 'parked',
      failures: 3,
    })
    expect(transition({ outcome: 'released', delayMs: 7 }, tally, silent, refuse)).toEqual({
      ...tally,
      state: 'pending',
      delayMs: 7,
    })
    expect(transition({ outcome: 'completed' }, tally, silent, refuse)).toEqual({ ...tally, state: 'done', delayMs: 0 })
  })
})

function refuse(): never {
  throw new Error('must not be asked')
}
