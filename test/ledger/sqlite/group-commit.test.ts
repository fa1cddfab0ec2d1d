import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createGroupCommit, type GroupCommit } from '../../../src/ledger/sqlite/group-commit.ts'

/** A real database that writes down what it is told, and whose COMMIT can be made to fail. */
class RecordingDatabase extends DatabaseSync {
  readonly told: string[] = []
  commitError: Error | undefined
  override exec(sql: string): void {
    this.told.push(sql)
    if (sql === 'COMMIT' && this.commitError !== undefined) throw this.commitError
    super.exec(sql)
  }
}

let folder = ''
let database: RecordingDatabase
let commit: GroupCommit

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-commit-'))
  database = new RecordingDatabase(join(folder, 'test.db'))
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE note (text TEXT)')
  database.told.length = 0
  commit = createGroupCommit(database, 'test.db')
})

afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true })
})

function add(text: string, weight?: number): Promise<string> {
  return commit.run(() => {
    database.prepare('INSERT INTO note VALUES (?)').run(text)
    return text
  }, weight)
}

function notes(): readonly unknown[] {
  return database
    .prepare('SELECT text FROM note ORDER BY rowid')
    .all()
    .map((row) => row['text'])
}

function codes(settled: readonly PromiseSettledResult<unknown>[]): readonly unknown[] {
  return settled.map((each) => (each.status === 'rejected' ? (each.reason as { code?: unknown }).code : each.value))
}

test('calls of one turn share one transaction and are run in their order', async () => {
  expect(await Promise.all([add('a'), add('b'), add('c')])).toEqual(['a', 'b', 'c'])
  expect(database.told).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
  expect(notes()).toEqual(['a', 'b', 'c'])
})

test('no call is answered before the commit', async () => {
  const told: string[] = []
  await Promise.all(['a', 'b'].map(async (text) => told.push(await add(text), ...database.told)))
  expect(told).toEqual(['a', 'BEGIN IMMEDIATE', 'COMMIT', 'b', 'BEGIN IMMEDIATE', 'COMMIT'])
})

test('a large burst is cut into transactions of bounded work, and so is what weighs much', async () => {
  await Promise.all(Array.from({ length: 1200 }, (_, index) => add(String(index))))
  expect(database.told.filter((sql) => sql === 'COMMIT')).toHaveLength(3)
  await Promise.all([add('x', 1001), add('y', 1001), add('z')])
  expect(database.told.filter((sql) => sql === 'COMMIT')).toHaveLength(6)
})

test('a full disk rejects the whole batch, keeps nothing of it, and heals by itself', async () => {
  await add('before')
  database.exec('PRAGMA max_page_count = 2')
  const refused = codes(await Promise.allSettled([add('small'), add('x'.repeat(50_000)), add('y')]))
  expect(refused).toEqual(Array.from({ length: 3 }, () => 'FLEET_LEDGER_UNAVAILABLE'))
  expect(database.isTransaction).toBe(false)
  expect(notes()).toEqual(['before'])
  database.exec('PRAGMA max_page_count = 1000')
  expect(await add('after')).toBe('after')
  expect(notes()).toEqual(['before', 'after'])
})

test('a commit that fails rolls back what was done and rejects every call as retryable', async () => {
  database.commitError = Object.assign(new Error('disk I/O error'), { errcode: 1034 })
  const [a, b] = [add('a'), add('b')]
  await expect(a).rejects.toMatchObject({
    code: 'FLEET_LEDGER_UNAVAILABLE',
    retryable: true,
    cause: database.commitError,
  })
  await expect(b).rejects.toMatchObject({ code: 'FLEET_LEDGER_UNAVAILABLE', retryable: true })
  database.commitError = undefined
  expect(notes()).toEqual([])
  expect(await add('c')).toBe('c')
})

test('a call that fails by its own fault is rejected alone', async () => {
  const wrong = commit.run(() => database.prepare('INSERT INTO note VALUES (?, ?)').run('too', 'many'))
  expect(codes(await Promise.allSettled([add('a'), wrong, add('b')]))).toEqual(['a', 'FLEET_LEDGER_INTERNAL', 'b'])
  expect(notes()).toEqual(['a', 'b'])
})

test('closing commits what waits and refuses what comes later', async () => {
  const waiting = add('a')
  commit.close()
  expect(await waiting).toBe('a')
  await expect(add('b')).rejects.toMatchObject({ code: 'FLEET_LEDGER_CLOSED' })
  expect(notes()).toEqual(['a'])
})
