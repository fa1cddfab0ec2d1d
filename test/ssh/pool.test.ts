// The pool of connections under every order of events: dials that end well or badly, callers that give up, connections that go.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FleetError, parseNodeName, systemClock } from '../../src/core/index.ts'
import type { LiveConnection } from '../../src/ssh/live-connection.ts'
import { createPool, type Lease } from '../../src/ssh/pool.ts'
import { lostError } from '../../src/ssh/ssh-error.ts'
import type { Target } from '../../src/ssh/transport.ts'

const targetOf = (number: number): Target => ({
  node: parseNodeName(`n${number}`),
  address: '192.0.2.1',
  port: 22,
  user: 'root',
  identities: [],
})

/** A connection that is nothing but its state. */
interface Line extends LiveConnection {
  readonly lose: () => void
}

function createLine(target: Target): Line {
  const actions = new Set<() => void>()
  let isGone = false
  const lose = (): void => {
    if (isGone) return
    isGone = true
    for (const action of actions) action()
  }
  const never = (): never => {
    throw new Error('the pool has no business here')
  }
  return {
    target,
    get client() {
      return never()
    },
    get facts() {
      return never()
    },
    idleMs: 0,
    isGone: () => isGone,
    isSound: () => !isGone,
    lost: () => lostError(target.node, undefined),
    whenGone: (action) => {
      if (isGone) action()
      else actions.add(action)
      return () => void actions.delete(action)
    },
    run: never,
    rest: () => undefined,
    close: () => {
      lose()
      return Promise.resolve()
    },
    lose,
  }
}

interface Dial {
  readonly line: Line
  readonly finish: (isGood: boolean) => void
  state: 'under way' | 'open' | 'failed'
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const step = fc.oneof(
  fc.record({ kind: fc.constant('lease' as const), number: fc.nat(1), use: fc.constantFrom('node', 'hop') }),
  fc.record({ kind: fc.constantFrom('abort', 'release', 'finish', 'fail', 'lose', 'rest'), which: fc.nat(20) }),
  fc.constant({ kind: 'wait' as const }),
)

describe('the pool', () => {
  test('never gives away what is gone, never keeps two connections to one server, and leaves none open', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, isClosedEarly) => {
        const dials: Dial[] = []
        const leases = new Set<Lease>()
        const callers: AbortController[] = []
        const calls: Promise<void>[] = []
        const open = (target: Target, signal: AbortSignal): Promise<LiveConnection> =>
          new Promise((resolve, reject) => {
            const line = createLine(target)
            const dial: Dial = {
              line,
              state: 'under way',
              finish: (isGood) => {
                if (dial.state !== 'under way') return
                dial.state = isGood ? 'open' : 'failed'
                if (isGood) resolve(line)
                else reject(new FleetError('FLEET_SSH_REFUSED', 'no', { retryable: true }))
              },
            }
            signal.addEventListener('abort', () => {
              if (dial.state !== 'under way') return
              dial.state = 'failed'
              reject(new FleetError('FLEET_SSH_ABORTED', 'given up'))
            })
            dials.push(dial)
          })
        const pool = createPool(open, 20, systemClock)
        const nth = <Item>(items: readonly Item[], which: number): Item | undefined =>
          items[which % (items.length || 1)]

        const openTo = (number: number): number =>
          dials.filter(({ state, line }) => state === 'open' && !line.isGone() && line.target.node === `n${number}`)
            .length

        for (const one of steps) {
          if (one.kind === 'lease') {
            const caller = new AbortController()
            callers.push(caller)
            const call = pool.lease(targetOf(one.number), one.use === 'hop' ? 'hop' : 'node', caller.signal)
            calls.push(
              call.then(
                (lease) => {
                  expect(lease.live.isGone()).toBe(false)
                  expect(lease.live.target.node).toBe(`n${one.number}`)
                  leases.add(lease)
                },
                () => undefined,
              ),
            )
          } else if (one.kind === 'wait') {
            await settled()
            expect(openTo(0)).toBeLessThanOrEqual(1)
            expect(openTo(1)).toBeLessThanOrEqual(1)
          } else if (one.kind === 'abort') nth(callers, one.which)?.abort()
          else if (one.kind === 'finish') nth(dials, one.which)?.finish(true)
          else if (one.kind === 'fail') nth(dials, one.which)?.finish(false)
          else if (one.kind === 'lose') {
            const dial = nth(dials, one.which)
            if (dial?.state === 'open') dial.line.lose()
          } else {
            const lease = nth([...leases], one.which)
            if (lease !== undefined && one.kind === 'rest') lease.rest(one.which % 2 === 0)
            else if (lease !== undefined) {
              leases.delete(lease)
              void lease.release()
              void lease.release()
            }
          }
        }
        await settled()
        if (!isClosedEarly) {
          for (const dial of dials) dial.finish(true)
          await settled()
          await Promise.all([...leases].map((lease) => lease.release()))
          await Promise.all(calls)
          await Promise.all([...leases].map((lease) => lease.release()))
        }
        await Promise.all([pool.close(), pool.close()])
        await Promise.all(calls)
        for (const { line, state } of dials) expect([state, state !== 'open' || line.isGone()]).not.toContain(false)
        await expect(pool.lease(targetOf(0), 'node', undefined)).rejects.toThrow('closed on this side')
      }),
      { numRuns: 500 },
    )
  })
})
