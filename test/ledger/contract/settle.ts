// Contract: the valid fence settles once; every other call changes nothing but the counts of stale calls.
import { expect, test } from 'vitest'
import {
  completed,
  expectSound,
  failed,
  fence,
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

export function settleContract(open: OpenFixture): void {
  test('complete makes an ID done and keeps its result', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const lease = await take(ledger, 'node01/p01')
    expect(await ledger.settle(completed(lease, '{"bytes":7}'))).toEqual({
      kind: 'settled',
      state: 'done',
      replayed: false,
    })
    expect(await ledger.show(lease.id)).toMatchObject({
      state: 'done',
      fence: lease.fence,
      result: '{"bytes":7}',
      attempts: [{ fence: lease.fence, slot: 'node01/p01', outcome: 'completed', staleCalls: 0 }],
    })
    expect((await ledger.status()).nodes).toEqual([{ node: 'node01', leased: 0, done: 1, failures: 0, crashes: 0 }])
    await expectSound(ledger)
  })

  test('the same settlement again answers the same, as replayed, and changes nothing', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b', 'c'))
    const [a, b, c] = [await take(ledger, 'n/p01'), await take(ledger, 'n/p02'), await take(ledger, 'n/p03')]
    for (const settlement of [completed(a), failed(b), released(c, 50)]) {
      const first = await ledger.settle(settlement)
      const before = await ledger.status()
      expect(first).toMatchObject({ kind: 'settled', replayed: false })
      expect(await ledger.settle(settlement)).toEqual({ ...first, replayed: true })
      expect(await ledger.status()).toEqual(before)
    }
    await expectSound(ledger)
  })

  test('two identical settlements in one turn are one settlement and one replay', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const settlement = completed(await take(ledger))
    const answers = await Promise.all([ledger.settle(settlement), ledger.settle(settlement)])
    expect(answers.map((answer) => answer.kind === 'settled' && answer.replayed)).toEqual([false, true])
  })

  test('another kind of settlement with a fence that was settled is stale, and is counted on its attempt', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const lease = await take(ledger)
    await ledger.settle(completed(lease))
    expect(await ledger.settle(failed(lease))).toEqual({ kind: 'stale' })
    expect(await ledger.renew(lease.id, lease.fence, TTL_MS)).toEqual({ kind: 'stale' })
    expect((await ledger.show(lease.id))?.attempts[0]?.staleCalls).toBe(2)
    expect((await ledger.status()).staleCalls).toBe(2)
    await expectSound(ledger)
  })

  test('a worker whose lease was given away can neither renew nor settle in any way', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const old = await take(ledger, 'n/p01')
    await fixture.advance(TTL_MS)
    expect(await ledger.expire()).toBe(1)
    await fixture.advance(RETRY_MS)
    const current = await take(ledger, 'n/p02')
    expect(current.id).toBe(old.id)
    expect(await ledger.renew(old.id, old.fence, TTL_MS)).toEqual({ kind: 'stale' })
    for (const late of [completed(old), failed(old), released(old)])
      expect(await ledger.settle(late)).toEqual({ kind: 'stale' })
    expect(await ledger.show(old.id)).toMatchObject({
      state: 'leased',
      fence: current.fence,
      attempts: [
        { outcome: 'expired', staleCalls: 4 },
        { fence: current.fence, staleCalls: 0 },
      ],
    })
    expect(await ledger.settle(completed(current))).toMatchObject({ kind: 'settled', replayed: false })
  })

  test('an ID and a fence that do not belong together settle nothing, and neither lease is touched', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a', 'b'))
    const [a, b] = [await take(ledger, 'n/p01'), await take(ledger, 'n/p02')]
    expect(await ledger.settle(completed({ id: a.id, fence: b.fence }))).toEqual({ kind: 'stale' })
    expect(await ledger.renew(b.id, a.fence, TTL_MS)).toEqual({ kind: 'stale' })
    expect(await ledger.settle(completed({ id: id('never imported'), fence: a.fence }))).toEqual({ kind: 'stale' })
    expect(await ledger.settle(completed({ id: a.id, fence: fence(1_000_000) }))).toEqual({ kind: 'stale' })
    expect(await ledger.status()).toMatchObject({ ids: { leased: 2, done: 0 }, staleCalls: 4 })
    await expectSound(ledger)
  })

  test('a failed ID comes back after what the policy says, and is parked when its failures are used up', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    expect(await ledger.settle(failed(await take(ledger)))).toMatchObject({ state: 'pending' })
    await fixture.advance(RETRY_MS)
    expect(await ledger.settle(failed(await take(ledger)))).toMatchObject({ state: 'pending' })
    await fixture.advance(2 * RETRY_MS)
    expect(await ledger.settle(failed(await take(ledger)))).toMatchObject({ state: 'parked' })
    const history = await ledger.show(id('a'))
    expect(history).toMatchObject({ state: 'parked', failures: 3, crashes: 0 })
    expect(history?.attempts.map(({ outcome, errorClass, message }) => [outcome, errorClass, message])).toEqual(
      Array.from({ length: 3 }, () => ['failed', 'exit-1', 'no such user']),
    )
    await expectSound(ledger)
  })

  test('a permanent failure parks at once', async () => {
    await using fixture = await open(policy)
    await fixture.ledger.import(ids('a'))
    expect(await fixture.ledger.settle(failed(await take(fixture.ledger), true))).toMatchObject({ state: 'parked' })
    expect(await fixture.ledger.show(id('a'))).toMatchObject({ failures: 1 })
  })

  test('release costs no failure and no crash, however often, and waits as long as it says', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      const lease = await take(ledger)
      expect(lease.attempt).toBe(attempt)
      expect(await ledger.settle(released(lease, 500))).toEqual({ kind: 'settled', state: 'pending', replayed: false })
      expect(await ledger.lease(seat('n/p02'), TTL_MS)).toEqual({ kind: 'empty', nextDueMs: 500 })
      await fixture.advance(500)
    }
    expect(await ledger.show(id('a'))).toMatchObject({ failures: 0, crashes: 0 })
  })

  test('a replay of an old settlement answers with the state of today', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const first = await take(ledger)
    await ledger.settle(failed(first))
    await fixture.advance(RETRY_MS)
    await ledger.settle(completed(await take(ledger)))
    expect(await ledger.settle(failed(first))).toEqual({ kind: 'settled', state: 'done', replayed: true })
    expect(await ledger.show(id('a'))).toMatchObject({ state: 'done', failures: 1 })
  })

  test('a negative delay and a result above 64 KiB are refused, and the lease stays', async () => {
    await using fixture = await open(policy)
    const { ledger } = fixture
    await ledger.import(ids('a'))
    const lease = await take(ledger)
    for (const bad of [
      released(lease, -1),
      released(lease, 0.5),
      completed(lease, JSON.stringify('x'.repeat(65_536))),
    ]) {
      await expect(ledger.settle(bad)).rejects.toMatchObject({ code: 'FLEET_LEDGER_BAD_ARGUMENT', retryable: false })
    }
    expect((await ledger.status()).ids.leased).toBe(1)
  })
}
