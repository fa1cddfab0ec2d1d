// Contract: what is imported is there, once, in order.
import { expect, test } from 'vitest'
import { expectSound, id, ids, policy, take, type OpenFixture } from './fixture.ts'

export function importContract(open: OpenFixture): void {
  test('imported IDs are pending, and are granted in the order of the import', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    expect(await ledger.import(ids('b', 'a', 'c'))).toEqual({ added: 3, duplicates: 0 })
    expect((await ledger.status()).ids).toEqual({ imported: 3, pending: 3, leased: 0, done: 0, parked: 0 })
    const granted = [await take(ledger, 'n/p01'), await take(ledger, 'n/p02'), await take(ledger, 'n/p03')]
    expect(granted.map((lease) => lease.id)).toEqual(['b', 'a', 'c'])
  })

  test('an ID that is there is counted as a duplicate and left as it was', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import([{ id: id('a'), payload: '{"v":1}' }])
    expect(await ledger.import([{ id: id('a'), payload: '{"v":2}' }, ...ids('b', 'b')])).toEqual({
      added: 1,
      duplicates: 2,
    })
    expect((await ledger.show(id('a')))?.payload).toBe('{"v":1}')
    await expectSound(ledger)
  })

  test('names that differ only in case, accents or trailing spaces are different IDs', async () => {
    await using fixture = await open(policy)
    const names = ['user', 'User', 'user ', 'u\u0308ser', '\u00fcser', "o'hara", '../user', '用户']
    expect(await fixture.ledger.import(ids(...names))).toEqual({ added: names.length, duplicates: 0 })
    const listed = await fixture.ledger.list({ limit: 100 })
    expect(listed.map((record) => record.id)).toEqual(names)
  })

  test('a payload travels with every lease exactly as it was imported', async () => {
    await using fixture = await open(policy)
    const payload = ' {"größe": [1,\t2], "quote": "\\u0027" } '
    await fixture.ledger.import([{ id: id('a'), payload }])
    expect((await take(fixture.ledger)).payload).toBe(payload)
    expect((await take(fixture.ledger)).payload).toBe(payload)
  })

  test('more than 10,000 rows and payloads above 64 KiB are refused, and nothing of the call is kept', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    const rows = Array.from({ length: 10_001 }, (_, index) => ({ id: id(`u${index}`) }))
    await expect(ledger.import(rows)).rejects.toMatchObject({ code: 'FLEET_LEDGER_BAD_ARGUMENT' })
    const large = { id: id('large'), payload: JSON.stringify('x'.repeat(65_536)) }
    await expect(ledger.import([...ids('a'), large])).rejects.toMatchObject({ code: 'FLEET_LEDGER_BAD_ARGUMENT' })
    expect((await ledger.status()).ids.imported).toBe(0)
    expect(await ledger.import(rows.slice(1))).toEqual({ added: 10_000, duplicates: 0 })
  })

  test('an empty import adds nothing', async () => {
    await using fixture = await open(policy)
    expect(await fixture.ledger.import([])).toEqual({ added: 0, duplicates: 0 })
  })
}
