// The pure decisions of this room: retries, handshake budget, algorithms, and the gate.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FleetError, type FleetErrorCode } from '../../src/core/index.ts'
import { channelLimit } from '../../src/ssh/channel-limit.ts'
import { nextAllowance } from '../../src/ssh/endpoint-budget.ts'
import { createGate, type Ticket } from '../../src/ssh/gate.ts'
import { hostKeyAlgorithms } from '../../src/ssh/host-key-algorithms.ts'
import { isTriedAgain, retryDelayMs } from '../../src/ssh/retry.ts'

describe('a failed attempt', () => {
  const failure = (code: FleetErrorCode, retryable: boolean): FleetError => new FleetError(code, 'x', { retryable })

  test.each([
    ['FLEET_SSH_STARTUP_DROP', 6],
    ['FLEET_SSH_REFUSED', 2],
    ['FLEET_SSH_CONNECT_TIMEOUT', 2],
    ['FLEET_SSH_HANDSHAKE_TIMEOUT', 2],
    ['FLEET_SSH_BANNED', 6],
    ['FLEET_SSH_LOST', 2],
    ['FLEET_SSH_FORWARD_REFUSED', 0],
    ['FLEET_SSH_AUTH', 0],
    ['FLEET_SSH_HOST_KEY_CHANGED', 0],
  ] as const)('with %s has %i more chances of six', (code, chances) => {
    const attempts = [1, 2, 3, 4, 5, 6, 7, 8].filter((attempt) => isTriedAgain(failure(code, true), attempt, 6))
    expect(attempts).toHaveLength(chances)
    expect(isTriedAgain(failure(code, false), 1, 6)).toBe(false)
    expect(isTriedAgain(failure(code, true), 1, 0)).toBe(false)
  })

  test('waits twice as long each time, at most eight seconds, half of it by chance', () => {
    const range = { backoffMs: [250, 8000], penaltyMs: [15_000, 600_000] } as const
    const delays = (code: FleetErrorCode): number[] =>
      [1, 2, 3, 6, 7, 60].map((attempt) => retryDelayMs(code, attempt, 0, range))
    expect(delays('FLEET_SSH_STARTUP_DROP')).toEqual([125, 250, 500, 4000, 4000, 4000])
    expect(delays('FLEET_SSH_DNS').slice(0, 2)).toEqual([500, 1000])
    expect(delays('FLEET_SSH_BANNED')).toEqual([15_000, 30_000, 60_000, 480_000, 600_000, 600_000])
    expect(retryDelayMs('FLEET_SSH_STARTUP_DROP', 2, 0.999, range)).toBe(500)
  })
})

describe('the handshake budget', () => {
  test('halves on a drop, recovers one seat per round of successes, and stays between one and its ceiling', () => {
    expect(nextAllowance(8, 'dropped', 8)).toBe(4)
    expect(nextAllowance(1.5, 'dropped', 8)).toBe(1)
    expect(nextAllowance(4, 'other', 8)).toBe(4)
    let allowance = 4
    for (let success = 0; success < 5; success += 1) allowance = nextAllowance(allowance, 'reached', 8)
    expect(Math.floor(allowance)).toBe(5)
    expect(nextAllowance(8, 'reached', 8)).toBe(8)
  })
})

describe('host key algorithms', () => {
  test('begin with the known types, treat RSA as SHA-2, and never contain SHA-1', () => {
    expect(hostKeyAlgorithms([])[0]).toBe('ssh-ed25519')
    expect(hostKeyAlgorithms(['ssh-rsa']).slice(0, 3)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519'])
    expect(hostKeyAlgorithms(['ssh-rsa', 'ssh-dss'])).not.toContain('ssh-rsa')
  })
})

describe('a gate', () => {
  test('lets in as many as fit, in the order of arrival, whoever leaves in between', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'enter' } as const),
      fc.record({ kind: fc.constant('leave' as const), which: fc.nat(30) }),
      fc.record({ kind: fc.constant('resize' as const), to: fc.integer({ min: 0, max: 5 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const gate = createGate(2)
        const tickets: Ticket[] = []
        const granted: number[] = []
        for (const one of steps) {
          const before = gate.inside
          if (one.kind === 'enter') {
            const number = tickets.length
            tickets.push(gate.enter(() => granted.push(number)))
          } else if (one.kind === 'leave') {
            tickets[one.which]?.leave()
          } else {
            gate.resize(one.to)
          }
          // A smaller gate throws nobody out.
          expect(gate.inside).toBeLessThanOrEqual(Math.max(gate.capacity, before))
        }
        expect(granted).toEqual(granted.toSorted((a, b) => a - b))
        expect(new Set(granted).size).toBe(granted.length)
        for (const ticket of tickets) ticket.leave()
        expect(gate.inside).toBe(0)
      }),
    )
  })
})

test.each([
  ['SSH-2.0-OpenSSH_9.2p1 Debian-2', 8],
  ['SSH-2.0-dropbear_2020.81', 8],
  ['SSH-2.0-dropbear_2022.82', 1],
  ['SSH-2.0-dropbear_2022.83 extra', 1],
  ['SSH-2.0-dropbear_2024.85', 1],
  ['SSH-2.0-dropbear_2024.86', 8],
  ['SSH-2.0-dropbear_2025.89', 8],
  ['SSH-2.0-dropbear', 8],
  ['', 8],
])('a server that greets with %j is given %i commands at once', (greeting, limit) => {
  expect(channelLimit(greeting)).toBe(limit)
})
