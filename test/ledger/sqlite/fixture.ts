// A SQLite ledger in a folder of its own, with clocks that move only when a test says so.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../src/core/index.ts'
import { openSqliteLedger, type Ledger, type RetryPolicy } from '../../../src/ledger/index.ts'
import type { LedgerFixture } from '../contract/fixture.ts'

export interface ManualClock extends Clock {
  /** Both clocks. */
  advance(durationMs: number): void
  /** The wall clock alone, as NTP or a person may do. */
  stepWall(durationMs: number): void
}

function createManualClock(): ManualClock {
  let wallMs = Date.UTC(2026, 0, 1)
  let monotonicMs = 5000
  return {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    advance: (durationMs) => {
      wallMs += durationMs
      monotonicMs += durationMs
    },
    stepWall: (durationMs) => {
      wallMs += durationMs
    },
  }
}

export interface SqliteFixture extends LedgerFixture {
  readonly file: string
  readonly clock: ManualClock
}

export async function openSqliteFixture(policy: RetryPolicy): Promise<SqliteFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-ledger-'))
  const file = join(folder, 'ledger.db')
  const clock = createManualClock()
  const open = () => openSqliteLedger({ file, policy, clock, random: () => 0 })
  let ledger: Ledger = await open()
  return {
    get ledger() {
      return ledger
    },
    file,
    clock,
    advance: (durationMs) => {
      clock.advance(durationMs)
      return Promise.resolve()
    },
    reopen: async () => {
      await ledger.close()
      ledger = await open()
    },
    [Symbol.asyncDispose]: async () => {
      await ledger.close()
      await rm(folder, { recursive: true })
    },
  }
}
