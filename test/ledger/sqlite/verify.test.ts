// A check that never fails checks nothing: damage is planted, and verify must name it.
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { completed, failed, ids, policy, take } from '../contract/fixture.ts'
import { openSqliteFixture } from './fixture.ts'

const DAMAGE: readonly (readonly [string, string])[] = [
  ['UPDATE ledger SET done = done + 1', 'IDs done: expected 2, counted 1'],
  [
    'UPDATE item SET state = 0 WHERE state = 2',
    'pending IDs that the cursor has passed and no retry will bring back: expected 0, counted 1',
  ],
  ['DELETE FROM item WHERE seq = 5', 'IDs pending: expected 2, counted 1'],
  ['DELETE FROM lease', 'leased IDs without their lease: expected 0, counted 1'],
  ['UPDATE item SET state = 0 WHERE state = 1', 'leases of IDs that are not leased: expected 0, counted 1'],
  ['UPDATE ledger SET cursor = 0', 'IDs above the cursor that are not pending: expected 0, counted 3'],
  ['UPDATE ledger SET fence = first_fence + 1', 'fences above the highest one granted: expected 0, counted 3'],
  [
    'DELETE FROM attempt WHERE fence = (SELECT first_fence + 1 FROM ledger)',
    'fences that were granted and are in no record: expected 0, counted 1',
  ],
  ['UPDATE node SET failures = 0', 'node node01 failures: expected 0, counted 1'],
  ["INSERT INTO node VALUES ('ghost', 1, 0, 0, 0)", 'node ghost leased: expected 1, counted 0'],
  ['DELETE FROM retry', 'pending IDs that the cursor has passed and no retry will bring back: expected 0, counted 1'],
  [
    'INSERT INTO retry VALUES (5, 0)',
    'retries of IDs that are not pending, or that the cursor has not reached: expected 0, counted 1',
  ],
]

test.each(DAMAGE)('%s is found', async (sql, expected) => {
  await using fixture = await openSqliteFixture(policy)
  const { ledger } = fixture
  await ledger.import(ids('done', 'parked', 'leased', 'retry', 'new'))
  await ledger.settle(completed(await take(ledger)))
  await ledger.settle(failed(await take(ledger), true))
  await take(ledger, 'n/p02')
  await ledger.settle({ kind: 'release', ...(await take(ledger)), delayMs: 0 })
  expect(await ledger.verify()).toEqual([])
  await ledger.close()
  const database = new DatabaseSync(fixture.file)
  database.exec(sql)
  database.close()
  await fixture.reopen()
  expect(await fixture.ledger.verify()).toContain(expected)
})
