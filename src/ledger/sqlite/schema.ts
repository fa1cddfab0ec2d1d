// The tables of a ledger file, version 1, and why they have this shape:
//
//  item      one row for each ID, appended by import and never deleted. `seq` is the import order, so the first pass over all IDs is
//            `ledger.cursor` moving up: no queue index has to be kept over millions of rows.
//  payload, result   beside the item, so that the small row which changes with every lease stays small.
//  lease     what is out now: as many rows as busy slots. Its unique keys are promise 2 in the engine's own hands.
//  retry     pending IDs at or below the cursor, with the time from which they may be granted again.
//  attempt   the log of ended leases, appended in the order of their fences nearly always. `previous` is the fence of the ID's lease before:
//            a chain instead of an index as large as the log.
//  node      counters by node.
//  ledger    one row: the counters and all other state. It changes in the transaction that changes what it counts.
//
// Times ending in `at_ms` are ledger time (ledger-clock.ts); `started_ms` and `ended_ms` are wall time, for people.
import type { DatabaseSync } from 'node:sqlite'

/** `FLTL`, in the header of every ledger file (https://sqlite.org/fileformat2.html#application_id). */
export const APPLICATION_ID = 0x464c544c
export const SCHEMA_VERSION = 1

const TABLES = `
CREATE TABLE item (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  state INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX item_parked ON item (seq) WHERE state = 3;
CREATE TABLE payload (seq INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE result (seq INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE lease (
  fence INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL UNIQUE,
  slot TEXT NOT NULL UNIQUE,
  instance TEXT NOT NULL,
  previous INTEGER NOT NULL,
  ttl_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  started_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX lease_expiry ON lease (expires_at_ms);
CREATE TABLE retry (seq INTEGER PRIMARY KEY, due_at_ms INTEGER NOT NULL) STRICT;
CREATE INDEX retry_due ON retry (due_at_ms, seq);
CREATE TABLE attempt (
  fence INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  previous INTEGER NOT NULL,
  slot TEXT NOT NULL,
  outcome INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  stale_calls INTEGER NOT NULL DEFAULT 0,
  error_class TEXT,
  message TEXT
) STRICT;
CREATE TABLE node (
  name TEXT PRIMARY KEY,
  leased INTEGER NOT NULL,
  done INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  crashes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  first_fence INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  cursor INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 0,
  leased INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  parked INTEGER NOT NULL DEFAULT 0,
  stale_calls INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0,
  clock_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
`

/**
 * Makes an empty database a ledger, all or nothing. Its fences begin above `firstFence`: with the wall clock's milliseconds there, a ledger that is
 * made anew for the same work goes on above the fences of the lost one, so that neither a late worker's answer nor a target's mark of it is ever mistaken.
 */
export function createSchema(database: DatabaseSync, firstFence: number): void {
  database.exec(
    `BEGIN IMMEDIATE; ${TABLES} INSERT INTO ledger (one, first_fence, fence) VALUES (1, ${firstFence}, ${firstFence}); PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`,
  )
}
