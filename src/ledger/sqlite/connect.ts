// The one connection to a ledger file: exclusive, durable at every commit, and only ever to a file that is a ledger.
//
// The lock is SQLite's own on the file itself (locking_mode=EXCLUSIVE: https://sqlite.org/pragma.html#pragma_locking_mode), an fcntl(2) lock that the
// kernel drops with the process, however that ends. POSIX drops such a lock also when the process closes any descriptor of the file: no code in the
// dispatcher's process may open a ledger with anything but this.
import { chmodSync, closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError, messageOf } from '../../core/index.ts'
import { isBusy, isNotADatabase, toLedgerError } from './engine-error.ts'
import { describeHolder } from './holder.ts'
import { integer, onlyRow, text } from './row.ts'
import { requireSafeSqlite } from './safe-sqlite.ts'
import { APPLICATION_ID, createSchema, SCHEMA_VERSION } from './schema.ts'

/** fullfsync: on macOS fsync(2) alone does not reach the disk (https://sqlite.org/pragma.html#pragma_fullfsync); elsewhere it changes nothing. */
const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;
PRAGMA cache_size = -65536;
PRAGMA journal_size_limit = 67108864;
PRAGMA temp_store = MEMORY;
`

/**
 * Opens `file` (absolute), or creates it with mode 0600 in a folder that exists. Waits up to `lockWaitMs` for a holder that is just leaving.
 * `firstFence`: where the fences of a new ledger begin.
 * Throws FLEET_LEDGER_LOCKED, FLEET_LEDGER_FOREIGN, FLEET_LEDGER_NEWER, FLEET_LEDGER_NOT_DURABLE, FLEET_LEDGER_OLD_SQLITE, FLEET_LEDGER_UNAVAILABLE.
 */
export async function connect(
  file: string,
  options: { readonly lockWaitMs: number; readonly firstFence: number; readonly random: () => number },
): Promise<DatabaseSync> {
  createIfAbsent(file)
  const deadlineMs = performance.now() + options.lockWaitMs
  for (;;) {
    try {
      return connectOnce(file, options.firstFence)
    } catch (thrown) {
      if (!isBusy(thrown))
        throw isNotADatabase(thrown) ? foreign(file, 'something else', thrown) : toLedgerError(thrown, file)
      if (performance.now() >= deadlineMs) throw locked(file, thrown)
    }
    // Two that try at the same moment can refuse each other; unequal pauses part them.
    await sleep(10 + 40 * options.random())
  }
}

function connectOnce(file: string, firstFence: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    requireSafeSqlite(text(onlyRow(database.prepare('SELECT sqlite_version() AS version')), 'version'))
    // Before the file is read for the first time: then WAL works without shared memory, and the lock on the file is held until the end.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    const isNew = requireLedgerOrNothing(database, file)
    chmodSync(file, 0o600)
    database.exec(SETTINGS)
    requireSetting(database, 'journal_mode', 'wal')
    requireSetting(database, 'synchronous', 2)
    if (isNew) createSchema(database, firstFence)
    return database
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

/** True for an empty database, false for a ledger that this version can read; anything else is refused before a byte of it is changed. */
function requireLedgerOrNothing(database: DatabaseSync, file: string): boolean {
  const applicationId = integer(onlyRow(database.prepare('PRAGMA application_id')), 'application_id')
  const version = integer(onlyRow(database.prepare('PRAGMA user_version')), 'user_version')
  if (applicationId === APPLICATION_ID) {
    if (version > SCHEMA_VERSION) throw newer(file, version)
    return false
  }
  const tables = integer(onlyRow(database.prepare('SELECT count(*) AS tables FROM sqlite_schema')), 'tables')
  if (applicationId !== 0 || version !== 0 || tables > 0) throw foreign(file, 'the SQLite database of another program')
  return true
}

/** Settings are never trusted to have been taken: a file system without WAL, or another build of SQLite, may have its own idea. */
function requireSetting(database: DatabaseSync, pragma: string, expected: string | number): void {
  const found = onlyRow(database.prepare(`PRAGMA ${pragma}`))[pragma]
  if (found === expected) return
  throw new FleetError(
    'FLEET_LEDGER_NOT_DURABLE',
    `expected SQLite to take ${pragma} = ${expected}, it has ${String(found)}`,
    {
      remedy: 'put the ledger on a local disk',
    },
  )
}

/** The folder is synced too, or a power loss could take the name of a new file with it. */
function createIfAbsent(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
    const folder = openSync(dirname(file), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return
    throw new FleetError('FLEET_LEDGER_UNAVAILABLE', `expected to create the ledger ${file}: ${messageOf(thrown)}`, {
      remedy: 'name a file in a folder that exists and that you may write to, on a disk with free space',
      retryable: true,
      cause: thrown,
    })
  }
}

function locked(file: string, cause: unknown): FleetError {
  return new FleetError('FLEET_LEDGER_LOCKED', `the ledger ${file} is in use by ${describeHolder(file)}`, {
    remedy: 'stop the dispatcher that uses it; two dispatchers never share a ledger file',
    cause,
  })
}

function foreign(file: string, found: string, cause?: unknown): FleetError {
  return new FleetError(
    'FLEET_LEDGER_FOREIGN',
    `expected ${file} to be a ledger of fleet or not to exist, found ${found}`,
    {
      remedy: 'name another file for the ledger; this one was left as it is',
      cause,
    },
  )
}

function newer(file: string, version: number): FleetError {
  return new FleetError(
    'FLEET_LEDGER_NEWER',
    `expected a ledger of version ${SCHEMA_VERSION}, ${file} has version ${version}`,
    {
      remedy: 'use the version of fleet that wrote it, or a later one',
    },
  )
}
