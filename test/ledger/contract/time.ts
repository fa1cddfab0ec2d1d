// Contract: leases end by time, retries begin by time, and an opening starts the time of every lease anew.
import { expect, test } from 'vitest'
import {
  completed,
  expectSound,
  id,
  ids,
  policy,
  released,
  RETRY_MS,
  seat,
  take,
  TTL_MS,
  type OpenFixture,
} from './fixture.ts'

export function timeContract(open: OpenFixture): void {
  test('a lease expires after its ttl and not before, as a crash', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    await take(ledger)
    await fixture.advance(TTL_MS - 1)
    expect(await ledger.expire()).toBe(0)
    await fixture.advance(1)
    expect(await ledger.expire()).toBe(1)
    expect(await ledger.expire()).toBe(0)
    expect(await ledger.show(id('a'))).toMatchObject({
      state: 'pending',
      crashes: 1,
      attempts: [{ outcome: 'expired' }],
    })
    await expectSound(ledger)
  })

  test('a renewed lease lives for the ttl from the renewal', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const lease = await take(ledger)
    await fixture.advance(TTL_MS - 1)
    expect(await ledger.renew(lease.id, lease.fence, 500)).toEqual({ kind: 'renewed', ttlMs: 500 })
    await fixture.advance(499)
    expect(await ledger.expire()).toBe(0)
    await fixture.advance(1)
    expect(await ledger.expire()).toBe(1)
  })

  test('until something ends it, a lease whose time is over is still the valid one', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b'))
    const [a, b] = [await take(ledger, 'n/p01'), await take(ledger, 'n/p02')]
    await fixture.advance(2 * TTL_MS)
    expect(await ledger.renew(a.id, a.fence, TTL_MS)).toMatchObject({ kind: 'renewed' })
    expect(await ledger.settle(completed(b))).toMatchObject({ kind: 'settled', replayed: false })
    expect(await ledger.expire()).toBe(0)
  })

  test('an ID that used up its crashes is parked', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    await take(ledger, 'n/p01', 'first')
    await fixture.advance(TTL_MS)
    await ledger.expire()
    await fixture.advance(RETRY_MS)
    await take(ledger, 'n/p01', 'first')
    expect(await ledger.lease(seat('n/p01', 'second'), TTL_MS)).toEqual({ kind: 'finished' })
    expect(await ledger.show(id('a'))).toMatchObject({ state: 'parked', crashes: 2, failures: 0 })
  })

  test('every lease that is out gets its own full ttl again when the ledger is opened', async () => {
    await using fixture = await open(policy)
    await fixture.ledger.import(ids('a', 'b'))
    const a = await take(fixture.ledger, 'n/p01')
    const b = await take(fixture.ledger, 'n/p02')
    await fixture.ledger.renew(b.id, b.fence, 2 * TTL_MS)
    await fixture.advance(TTL_MS - 1)
    await fixture.reopen()
    await fixture.advance(TTL_MS - 1)
    expect(await fixture.ledger.expire()).toBe(0)
    await fixture.advance(1)
    expect(await fixture.ledger.expire()).toBe(1)
    expect(await fixture.ledger.renew(a.id, a.fence, TTL_MS)).toEqual({ kind: 'stale' })
    expect(await fixture.ledger.renew(b.id, b.fence, TTL_MS)).toMatchObject({ kind: 'renewed' })
  })

  test('the next event is the end of a lease or an ID that becomes due, whichever is first', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b'))
    expect(await ledger.nextEventMs()).toBeUndefined()
    const a = await take(ledger, 'n/p01')
    await take(ledger, 'n/p02')
    expect(await ledger.nextEventMs()).toBe(TTL_MS)
    await ledger.settle(released(a, 400))
    expect(await ledger.nextEventMs()).toBe(400)
    await fixture.advance(400)
    expect(await ledger.nextEventMs()).toBe(TTL_MS - 400)
    await fixture.advance(2 * TTL_MS)
    expect(await ledger.nextEventMs()).toBe(0)
  })
}
