// The wall clock of a control machine may be put forward or back by hours. Leases and retries must not notice.
import { expect, test } from 'vitest'
import { completed, expectSound, failed, id, ids, policy, RETRY_MS, seat, take, TTL_MS } from '../contract/fixture.ts'
import { openSqliteFixture } from './fixture.ts'

const HOURS_MS = 10 * 3_600_000

test('a wall clock that is put forward ends no lease', async () => {
  await using fixture = await openSqliteFixture(policy)
  const { ledger, clock } = fixture
  await ledger.import(ids('a'))
  const lease = await take(ledger)
  clock.stepWall(HOURS_MS)
  expect(await ledger.expire()).toBe(0)
  expect(await ledger.nextEventMs()).toBe(TTL_MS)
  expect(await ledger.settle(completed(lease))).toMatchObject({ kind: 'settled' })
})

test('a wall clock that is put back keeps no lease and delays no retry', async () => {
  await using fixture = await openSqliteFixture(policy)
  const { ledger, clock } = fixture
  await ledger.import(ids('a'))
  await take(ledger)
  clock.stepWall(-HOURS_MS)
  clock.advance(TTL_MS)
  expect(await ledger.expire()).toBe(1)
  clock.advance(RETRY_MS)
  expect((await take(ledger)).attempt).toBe(2)
})

test('a wall clock that was put back while the ledger was closed delays no retry beyond its own delay', async () => {
  await using fixture = await openSqliteFixture(policy)
  await fixture.ledger.import(ids('a'))
  await fixture.ledger.settle(failed(await take(fixture.ledger)))
  fixture.clock.stepWall(-HOURS_MS)
  await fixture.reopen()
  expect(await fixture.ledger.lease(seat('n/p01'), TTL_MS)).toEqual({ kind: 'empty', nextDueMs: RETRY_MS })
})

test('a wall clock that was put forward while the ledger was closed ends no lease', async () => {
  await using fixture = await openSqliteFixture(policy)
  await fixture.ledger.import(ids('a'))
  await take(fixture.ledger)
  fixture.clock.stepWall(HOURS_MS)
  await fixture.reopen()
  expect(await fixture.ledger.expire()).toBe(0)
  expect(await fixture.ledger.nextEventMs()).toBe(TTL_MS)
})

test('time that passes while the ledger is closed counts for retries', async () => {
  await using fixture = await openSqliteFixture(policy)
  await fixture.ledger.import(ids('a'))
  await fixture.ledger.settle(failed(await take(fixture.ledger)))
  await fixture.ledger.close()
  fixture.clock.advance(RETRY_MS)
  await fixture.reopen()
  expect((await take(fixture.ledger)).attempt).toBe(2)
})

test('the history tells wall time, even where that stepped back', async () => {
  await using fixture = await openSqliteFixture(policy)
  const { ledger, clock } = fixture
  await ledger.import(ids('a'))
  const startedMs = clock.nowMs()
  const lease = await take(ledger)
  clock.stepWall(-5000)
  await ledger.settle(completed(lease))
  expect((await ledger.show(id('a')))?.attempts).toMatchObject([{ startedMs, endedMs: startedMs - 5000 }])
  await expectSound(ledger)
})
