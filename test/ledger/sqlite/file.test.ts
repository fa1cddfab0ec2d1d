// The file itself: whose it is, who may read it, and that only one process ever has it.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/core/index.ts'
import { openSqliteLedger, type Ledger } from '../../../src/ledger/index.ts'
import { connect } from '../../../src/ledger/sqlite/connect.ts'
import { requireSafeSqlite } from '../../../src/ledger/sqlite/safe-sqlite.ts'
import { completed, ids, mention, take } from '../contract/fixture.ts'
import { policy } from './plain-policy.ts'
import { openElsewhere, startProgram } from './programs.ts'

let folder = ''
let file = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleet-file-'))
  file = join(folder, 'ledger.db')
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

function open(lockWaitMs = 0): Promise<Ledger> {
  return openSqliteLedger({ file, policy, clock: systemClock, random: Math.random, lockWaitMs })
}

describe('a ledger file', () => {
  test('can be read and written by its owner only, and so can what lies beside it', async () => {
    const ledger = await open()
    await ledger.import(ids('a'))
    for (const name of ['ledger.db', 'ledger.db-wal', 'ledger.db.holder']) {
      expect([name, (await stat(join(folder, name))).mode & 0o777]).toEqual([name, 0o600])
    }
    await ledger.close()
  })

  test('is the only one left after a close', async () => {
    const ledger = await open()
    await ledger.import(ids('a'))
    await ledger.close()
    await expect(stat(`${file}-wal`)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(stat(`${file}.holder`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is opened with a write-ahead log that is synced at every commit, each time', async () => {
    for (let opening = 0; opening < 2; opening += 1) {
      const database = await connect(file, { lockWaitMs: 0, firstFence: 0, random: Math.random })
      expect({ ...database.prepare('PRAGMA synchronous').get() }).toEqual({ synchronous: 2 })
      expect({ ...database.prepare('PRAGMA journal_mode').get() }).toEqual({ journal_mode: 'wal' })
      expect({ ...database.prepare('PRAGMA locking_mode').get() }).toEqual({ locking_mode: 'exclusive' })
      database.close()
    }
  })

  test('made anew for the same work goes on above the fences of the one that was lost', async () => {
    const lost = await open()
    await lost.import(ids('a'))
    const before = await take(lost)
    await lost.close()
    await rm(file)
    const anew = await open()
    await anew.import(ids('a'))
    expect((await take(anew)).fence).toBeGreaterThan(before.fence)
    expect(await anew.settle(completed(before))).toEqual({ kind: 'stale' })
    await anew.close()
  })

  test('may be empty when it is opened for the first time', async () => {
    await writeFile(file, '')
    await (await open()).close()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('of a later version is refused and left as it is', async () => {
    await (await open()).close()
    change('PRAGMA user_version = 2')
    const before = await readFile(file)
    await expect(open()).rejects.toMatchObject({
      code: 'FLEET_LEDGER_NEWER',
      message: mention('has version 2'),
    })
    expect(await readFile(file)).toEqual(before)
  })

  test('that is the database of another program is refused and left as it is', async () => {
    change('CREATE TABLE photos (name TEXT)')
    const before = await readFile(file)
    await expect(open()).rejects.toMatchObject({ code: 'FLEET_LEDGER_FOREIGN', message: mention(file) })
    expect(await readFile(file)).toEqual(before)
  })

  test('that is no database at all is refused and left as it is', async () => {
    await writeFile(file, 'user1\nuser2\n'.repeat(1000), { mode: 0o644 })
    await expect(open()).rejects.toMatchObject({ code: 'FLEET_LEDGER_FOREIGN' })
    expect(await readFile(file, 'utf8')).toMatch(/^user1\n/)
    expect((await stat(file)).mode & 0o777).toBe(0o644)
  })

  test('in a folder that does not exist is an error that says what to do', async () => {
    file = join(folder, 'missing', 'ledger.db')
    await expect(open()).rejects.toMatchObject({
      code: 'FLEET_LEDGER_UNAVAILABLE',
      remedy: mention('folder that exists'),
    })
  })
})

describe('the lock of a ledger file', () => {
  test('refuses a second opening in the same process, and the refusal does not cost the first its lock', async () => {
    const first = await open()
    const who = mention(`process ${process.pid} on `)
    await expect(open()).rejects.toMatchObject({ code: 'FLEET_LEDGER_LOCKED', message: who, retryable: false })
    expect(openElsewhere(file)).toBe('FLEET_LEDGER_LOCKED')
    expect(await first.import(ids('a'))).toMatchObject({ added: 1 })
    await first.close()
    expect(openElsewhere(file)).toBe('opened')
  })

  test('goes with the process that had it, even when that is killed', async () => {
    const output = join(folder, 'output')
    const holder = startProgram('hold', [file], output)
    try {
      await vi.waitFor(
        async () => {
          expect(await readFile(output, 'utf8')).toBe('opened\n')
        },
        { timeout: 20_000 },
      )
      const who = mention(`process ${holder.process.pid} on `)
      await expect(open()).rejects.toMatchObject({ code: 'FLEET_LEDGER_LOCKED', message: who })
    } finally {
      await holder.kill()
    }
    await (await open()).close()
  })

  test('is waited for while its holder is leaving', async () => {
    const first = await open()
    const second = open(20_000)
    await first.close()
    await (await second).close()
  })

  test('is won by exactly one of many who create the file at the same moment', async () => {
    const openings = await Promise.allSettled(Array.from({ length: 8 }, () => open(200)))
    const winners = openings.flatMap((opening) => (opening.status === 'fulfilled' ? [opening.value] : []))
    expect(winners).toHaveLength(1)
    for (const winner of winners) await winner.close()
  })
})

test('a version of SQLite with the WAL-reset bug is refused', () => {
  for (const version of ['3.51.2', '3.45.1', '3.7.0', '2.8.17', 'unknown']) {
    expect(() => {
      requireSafeSqlite(version)
    }).toThrow(expect.objectContaining({ code: 'FLEET_LEDGER_OLD_SQLITE' }))
  }
  for (const version of ['3.51.3', '3.53.4', '3.100.0', '4.0.0', '3.52']) {
    expect(() => {
      requireSafeSqlite(version)
    }).not.toThrow()
  }
})

function change(sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}
