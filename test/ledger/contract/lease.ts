// Contract: one ID, one valid fence; one slot, one lease.
import { expect, test } from 'vitest'
import {
  completed,
  expectSound,
  failed,
  granted,
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

export function leaseContract(open: OpenFixture): void {
  test('an empty ledger has nothing to hand out, and is not finished', async () => {
    await using fixture = await open(policy)
    expect(await fixture.ledger.lease(seat('n/p01'), TTL_MS)).toEqual({ kind: 'empty' })
  })

  test('two seats that ask at once get different IDs and different fences', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    const names = Array.from({ length: 40 }, (_, index) => `u${index}`)
    await ledger.import(ids(...names))
    const seats = names.map((_, index) => seat(`n/p${String(index + 1).padStart(2, '0')}`))
    const leases = await Promise.all(seats.map(async (each) => granted(await ledger.lease(each, TTL_MS))))
    expect(new Set(leases.map((lease) => lease.id)).size).toBe(40)
    expect(new Set(leases.map((lease) => lease.fence)).size).toBe(40)
    expect(await ledger.lease(seat('n/p99'), TTL_MS)).toEqual({ kind: 'empty' })
    await expectSound(ledger)
  })

  test('a seat that asks again gets the lease that it holds, with its time again', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b'))
    const first = await take(ledger)
    await fixture.advance(TTL_MS - 1)
    expect(await take(ledger)).toEqual(first)
    await fixture.advance(TTL_MS - 1)
    expect(await ledger.expire()).toBe(0)
    expect((await ledger.status()).ids).toMatchObject({ pending: 1, leased: 1 })
  })

  test('a slot that comes back with a new instance loses its old lease as a crash at once', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b'))
    const old = await take(ledger, 'n/p01', 'first')
    const next = await take(ledger, 'n/p01', 'second')
    expect(next.id).toBe('b')
    expect(next.fence).toBeGreaterThan(old.fence)
    expect(await ledger.show(id('a'))).toMatchObject({
      state: 'pending',
      crashes: 1,
      attempts: [{ outcome: 'crashed' }],
    })
    expect(await ledger.settle(completed(old))).toEqual({ kind: 'stale' })
    await expectSound(ledger)
  })

  test('an ID that crashed comes back under a higher fence and with the next attempt number', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const first = await take(ledger, 'n/p01', 'first')
    expect(await ledger.lease(seat('n/p01', 'second'), TTL_MS)).toEqual({ kind: 'empty', nextDueMs: RETRY_MS })
    await fixture.advance(RETRY_MS)
    const second = await take(ledger, 'n/p01', 'second')
    expect(second).toMatchObject({ id: 'a', attempt: 2 })
    expect(second.fence).toBeGreaterThan(first.fence)
  })

  test('due retries come before IDs that were never tried, in the order in which they became due', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b', 'c', 'd'))
    const [a, b, c] = [await take(ledger, 'n/p01'), await take(ledger, 'n/p02'), await take(ledger, 'n/p03')]
    await ledger.settle(released(a, 300))
    await ledger.settle(released(b, 100))
    await ledger.settle(released(c, 9000))
    await fixture.advance(300)
    const order = [await take(ledger, 'n/p01'), await take(ledger, 'n/p02'), await take(ledger, 'n/p03')]
    expect(order.map((lease) => lease.id)).toEqual(['b', 'a', 'd'])
  })

  test('it is finished when every ID is done or parked, and no longer when one is added', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b'))
    await ledger.settle(completed(await take(ledger)))
    const last = await take(ledger)
    expect(await ledger.lease(seat('n/p02'), TTL_MS)).toEqual({ kind: 'empty' })
    await ledger.settle(failed(last, true))
    expect(await ledger.lease(seat('n/p02'), TTL_MS)).toEqual({ kind: 'finished' })
    await ledger.import(ids('c'))
    expect((await take(ledger)).id).toBe('c')
  })

  test('while paused nothing new is granted, a held lease is given again and can be settled, and a crash is noted', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b', 'c'))
    const held = await take(ledger, 'n/p01')
    await take(ledger, 'n/p02', 'first')
    await ledger.setPaused(true)
    expect((await ledger.status()).paused).toBe(true)
    expect(await take(ledger, 'n/p01')).toEqual(held)
    expect(await ledger.lease(seat('n/p02', 'second'), TTL_MS)).toEqual({ kind: 'empty' })
    expect(await ledger.show(id('b'))).toMatchObject({ state: 'pending', crashes: 1 })
    expect(await ledger.settle(completed(held))).toMatchObject({ kind: 'settled' })
    await fixture.reopen()
    expect(await fixture.ledger.lease(seat('n/p03'), TTL_MS)).toEqual({ kind: 'empty' })
    await fixture.ledger.setPaused(false)
    expect((await take(fixture.ledger, 'n/p03')).id).toBe('c')
  })

  test('a ttl that is not a positive whole number is refused', async () => {
    await using fixture = await open(policy)
    for (const ttlMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(fixture.ledger.lease(seat('n/p01'), ttlMs)).rejects.toMatchObject({
        code: 'FLEET_LEDGER_BAD_ARGUMENT',
      })
    }
  })
}
