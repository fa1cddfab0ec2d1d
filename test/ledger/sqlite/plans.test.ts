// No call may cost more because there are more IDs: SQLite is asked how it would run every statement of every verb but verify.
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { renewAllLeases, prepareExpire } from '../../../src/ledger/sqlite/expire.ts'
import { prepareImport } from '../../../src/ledger/sqlite/import.ts'
import { prepareLease } from '../../../src/ledger/sqlite/lease.ts'
import { prepareList } from '../../../src/ledger/sqlite/list.ts'
import { prepareNextEvent } from '../../../src/ledger/sqlite/next-event.ts'
import { prepareRenew } from '../../../src/ledger/sqlite/renew.ts'
import { prepareRetry } from '../../../src/ledger/sqlite/retry.ts'
import { createSchema } from '../../../src/ledger/sqlite/schema.ts'
import { prepareSettle } from '../../../src/ledger/sqlite/settle.ts'
import { prepareShow } from '../../../src/ledger/sqlite/show.ts'
import { prepareStatus } from '../../../src/ledger/sqlite/status.ts'
import { policy } from '../contract/fixture.ts'

/** Tables of one row, of one row a node and of one page; the retries from their first on, with a limit of 1; and what `retry` without names is about. */
const MAY_BE_SCANNED = [
  'SCAN ledger',
  'SCAN node',
  'SCAN page',
  'SCAN retry USING COVERING INDEX retry_due',
  'SCAN item USING COVERING INDEX item_parked',
]

class RecordingDatabase extends DatabaseSync {
  readonly prepared = new Set<string>()
  override prepare(sql: string): StatementSync {
    this.prepared.add(sql)
    return super.prepare(sql)
  }
}

test('every statement finds its rows by key', () => {
  const database = new RecordingDatabase(':memory:')
  createSchema(database, 0)
  const store = { database, policy, random: () => 0, nowMs: () => 0, wallMs: () => 0 }
  const verbs = [prepareImport, prepareLease, prepareRenew, prepareSettle, prepareExpire, prepareRetry]
  for (const prepare of [...verbs, prepareNextEvent, prepareStatus, prepareShow, prepareList]) prepare(store)
  const plans = [...database.prepared].flatMap((sql) => planOf(database, sql))
  expect(plans.length).toBeGreaterThan(40)
  expect(plans.filter((step) => step.startsWith('SCAN') && !MAY_BE_SCANNED.includes(step))).toEqual([])
  database.close()
})

test('an opening looks at the leases and at nothing else', () => {
  const database = new RecordingDatabase(':memory:')
  createSchema(database, 0)
  renewAllLeases({ database, policy, random: () => 0, nowMs: () => 0, wallMs: () => 0 })
  expect([...database.prepared].flatMap((sql) => planOf(database, sql))).toEqual(['SCAN lease'])
  database.close()
})

function planOf(database: DatabaseSync, sql: string): readonly string[] {
  return database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => String(row['detail']))
}
