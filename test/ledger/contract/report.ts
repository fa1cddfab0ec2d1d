// Contract: what people ask of a ledger, and the one thing they may tell it about an ID.
import { expect, test } from 'vitest'
import type { IdState, Ledger } from '../../../src/ledger/index.ts'
import { completed, expectSound, failed, id, ids, policy, released, take, TTL_MS, type OpenFixture } from './fixture.ts'

export function reportContract(open: OpenFixture): void {
  test('status counts by state and by node', async () => {
    await using fixture = await open(policy)
    const { ledger } = await withOneOfEach(fixture)
    expect(await ledger.status()).toEqual({
      ids: { imported: 6, pending: 3, leased: 1, done: 1, parked: 1 },
      nodes: [
        { node: 'node01', leased: 0, done: 1, failures: 1, crashes: 0 },
        { node: 'node02', leased: 1, done: 0, failures: 0, crashes: 0 },
      ],
      staleCalls: 0,
      paused: false,
    })
    await expectSound(ledger)
  })

  test('list goes by state, in import order, page after page', async () => {
    await using fixture = await open(policy)
    const { ledger } = await withOneOfEach(fixture)
    const names = async (state?: IdState) =>
      (await ledger.list({ limit: 100, ...(state && { state }) })).map((each) => each.id)
    expect(await names()).toEqual(['done', 'parked', 'delayed', 'leased', 'new1', 'new2'])
    expect(await names('pending')).toEqual(['delayed', 'new1', 'new2'])
    expect(await names('leased')).toEqual(['leased'])
    expect(await names('done')).toEqual(['done'])
    expect(await names('parked')).toEqual(['parked'])
    const page = await ledger.list({ state: 'pending', after: id('delayed'), limit: 1 })
    expect(page.map((each) => each.id)).toEqual(['new1'])
    expect(await ledger.list({ after: id('new2'), limit: 10 })).toEqual([])
    expect(await ledger.list({ state: 'parked', after: id('done'), limit: 10 })).toMatchObject([
      { id: 'parked', state: 'parked', failures: 1, crashes: 0 },
    ])
  })

  test('list refuses an impossible limit and an unknown ID to start after', async () => {
    await using fixture = await open(policy)
    for (const limit of [0, 10_001, 1.5]) {
      await expect(fixture.ledger.list({ limit })).rejects.toMatchObject({ code: 'FLEET_LEDGER_BAD_ARGUMENT' })
    }
    await expect(fixture.ledger.list({ after: id('a'), limit: 1 })).rejects.toMatchObject({
      code: 'FLEET_LEDGER_UNKNOWN_ID',
    })
  })

  test('show knows nothing of an ID that was not imported', async () => {
    await using fixture = await open(policy)
    expect(await fixture.ledger.show(id('a'))).toBeUndefined()
  })

  test('retry brings back the parked IDs that were named, with a clean account', async () => {
    await using fixture = await open(policy)
    const { ledger } = await withOneOfEach(fixture)
    expect(await ledger.retry([id('parked'), id('parked'), id('done'), id('leased'), id('unknown')])).toBe(1)
    expect(await ledger.show(id('parked'))).toMatchObject({
      state: 'pending',
      failures: 0,
      crashes: 0,
      attempts: [{ outcome: 'failed' }],
    })
    expect(await take(ledger, 'n/p09')).toMatchObject({ id: 'parked', attempt: 2 })
    await expectSound(ledger)
  })

  test('retry gives an ID that was parked for its crashes all its crashes again', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    for (let crash = 1; crash <= 2; crash += 1) {
      await take(ledger)
      await fixture.advance(TTL_MS)
      expect(await ledger.expire()).toBe(1)
      await fixture.advance(TTL_MS)
    }
    expect(await ledger.show(id('a'))).toMatchObject({ state: 'parked', crashes: 2 })
    expect(await ledger.retry([id('a')])).toBe(1)
    expect(await ledger.show(id('a'))).toMatchObject({ state: 'pending', crashes: 0 })
    await expectSound(ledger)
  })

  test('retry without names brings back all parked IDs, and nothing when there are none', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b', 'c'))
    for (let count = 0; count < 2; count += 1) await ledger.settle(failed(await take(ledger), true))
    expect(await ledger.retry()).toBe(2)
    expect(await ledger.retry()).toBe(0)
    expect([(await take(ledger, 'n/p01')).id, (await take(ledger, 'n/p02')).id]).toEqual(['a', 'b'])
    await expectSound(ledger)
  })

  test('everything is still there after closing and opening, and fences go on rising', async () => {
    await using fixture = await open(policy)
    const { ledger } = await withOneOfEach(fixture)
    const before = { status: await ledger.status(), records: await ledger.list({ limit: 100 }) }
    const highest = Math.max(...before.records.map((record) => record.fence))
    await fixture.reopen()
    expect({ status: await fixture.ledger.status(), records: await fixture.ledger.list({ limit: 100 }) }).toEqual(
      before,
    )
    expect(await fixture.ledger.show(id('parked'))).toMatchObject({ attempts: [{ errorClass: 'exit-1' }] })
    expect((await take(fixture.ledger, 'n/p09')).fence).toBeGreaterThan(highest)
    await expectSound(fixture.ledger)
  })

  test('a closed ledger refuses every call, and may be closed twice', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const last = ledger.retry()
    await ledger.close()
    await ledger.close()
    expect(await last).toBe(0)
    const closed = { code: 'FLEET_LEDGER_CLOSED' }
    await expect(ledger.import(ids('b'))).rejects.toMatchObject(closed)
    await expect(take(ledger)).rejects.toMatchObject(closed)
    await expect(ledger.expire()).rejects.toMatchObject(closed)
    await expect(ledger.status()).rejects.toMatchObject(closed)
    await expect(ledger.verify()).rejects.toMatchObject(closed)
  })
}

/** Six IDs, named after what became of them. */
async function withOneOfEach({ ledger }: { readonly ledger: Ledger }): Promise<{ readonly ledger: Ledger }> {
  await ledger.import(ids('done', 'parked', 'delayed', 'leased', 'new1', 'new2'))
  await ledger.settle(completed(await take(ledger, 'node01/p01')))
  await ledger.settle(failed(await take(ledger, 'node01/p01'), true))
  await ledger.settle(released(await take(ledger, 'node01/p01'), TTL_MS))
  await take(ledger, 'node02/p01')
  return { ledger }
}
