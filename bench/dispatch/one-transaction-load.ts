// What the disk gives to whoever flushes once for every pair: SQLite in this process, without network, history or group commit.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { quantile } from '../statistics.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { cpuTimeMs } from './cpu-time.ts'
import type { Drive } from './drive.ts'

const MEASURE_MS = 2000

export async function oneTransactionLoad(ids: number): Promise<Drive> {
  await using folder = await temporaryFolder()
  const database = new DatabaseSync(join(folder.path, 'pairs.db'))
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec(
      'CREATE TABLE ids (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, fence INTEGER)',
    )
    fill(database, ids)
    return pairs(database, ids)
  } finally {
    database.close()
  }
}

function fill(database: DatabaseSync, ids: number): void {
  const insert = database.prepare("INSERT INTO ids (seq, id, state) VALUES (?, ?, 'pending')")
  database.exec('BEGIN')
  for (let seq = 1; seq <= ids; seq += 1) insert.run(seq, `user-${seq}`)
  database.exec('COMMIT')
}

function pairs(database: DatabaseSync, ids: number): Drive {
  const complete = database.prepare("UPDATE ids SET state = 'done' WHERE seq = ? AND fence = ?")
  const lease = database.prepare("UPDATE ids SET state = 'leased', fence = ? WHERE seq = ? AND state = 'pending'")
  const tookMs: number[] = []
  const cpuBegin = cpuTimeMs(process.pid)
  const begin = performance.now()
  let now = begin
  for (let seq = 1; seq < ids && now < begin + MEASURE_MS; seq += 1) {
    database.exec('BEGIN IMMEDIATE')
    complete.run(seq, seq)
    lease.run(seq + 1, seq + 1)
    database.exec('COMMIT')
    const committed = performance.now()
    tookMs.push(committed - now)
    now = committed
  }
  return {
    pairsPerS: tookMs.length / ((now - begin) / 1000),
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
    cpuUs: ((cpuTimeMs(process.pid) - cpuBegin) * 1000) / tookMs.length,
  }
}
