// Many calls, one transaction, one fsync. The calls of one turn of the event loop are run together, in the order in which they
// were made, and none is answered before COMMIT has returned; that is what makes "durable before acknowledged" affordable.
//
// Always true: when a call is answered, what it did is on the disk; when it is rejected, the transaction it was in has been rolled back.
// Nothing is kept in memory from one transaction to the next, so a rollback cannot leave a wrong number behind. (A rejected call may still turn out to
// have happened if the process dies right after a failed fsync: callers repeat it, and every verb of the ledger may be repeated.)
import type { DatabaseSync } from 'node:sqlite'
import { FleetError } from '../../core/index.ts'
import { concernsWholeFile, toLedgerError } from './engine-error.ts'

/** Work in one transaction, in calls; 512 take about 10 ms. It bounds how long the first caller of a burst waits for the last. */
const MAX_WEIGHT = 512

export interface GroupCommit {
  /** Runs `work` in the next transaction with room for it. `weight`: how many ordinary calls it is as much work as; default 1. */
  run<Answer>(work: () => Answer, weight?: number): Promise<Answer>
  /** Runs at once whatever waits. Afterwards `run` is refused with FLEET_LEDGER_CLOSED. */
  close(): void
}

interface Call {
  readonly weight: number
  /** Does the work and returns what acknowledges it. */
  readonly work: () => () => void
  readonly reject: (error: FleetError) => void
}

export function createGroupCommit(database: DatabaseSync, file: string): GroupCommit {
  const waiting: Call[] = []
  let scheduled = false
  let closed = false
  return {
    run: (work, weight = 1) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(closedError(file))
          return
        }
        waiting.push({ weight, work: () => acknowledge(resolve, work()), reject })
        schedule()
      }),
    close: () => {
      closed = true
      while (waiting.length > 0) commitBatch()
    },
  }

  function schedule(): void {
    if (scheduled || waiting.length === 0) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      commitBatch()
      schedule()
    })
  }

  function commitBatch(): void {
    const batch = takeBatch(waiting)
    if (batch.length === 0) return
    const acknowledgements: (() => void)[] = []
    try {
      database.exec('BEGIN IMMEDIATE')
      for (const call of batch) acknowledgements.push(call.work())
      database.exec('COMMIT')
    } catch (thrown) {
      rollBack(database)
      refuse(batch, batch[acknowledgements.length], toLedgerError(thrown, file))
      return
    }
    for (const done of acknowledgements) done()
  }

  /** A fault of the disk is everybody's; a fault of one call is its own, and the others of its batch go again. */
  function refuse(batch: readonly Call[], culprit: Call | undefined, error: FleetError): void {
    if (culprit === undefined || concernsWholeFile(error)) {
      for (const call of batch) call.reject(error)
      return
    }
    culprit.reject(error)
    waiting.unshift(...batch.filter((call) => call !== culprit))
  }
}

export function closedError(file: string): FleetError {
  return new FleetError('FLEET_LEDGER_CLOSED', `expected an open ledger, but ${file} was closed`)
}

function acknowledge<Answer>(resolve: (answer: Answer) => void, answer: Answer): () => void {
  return () => {
    resolve(answer)
  }
}

function takeBatch(waiting: Call[]): readonly Call[] {
  let weight = 0
  let size = 0
  for (const call of waiting) {
    if (size > 0 && weight + call.weight > MAX_WEIGHT) break
    weight += call.weight
    size += 1
  }
  return waiting.splice(0, size)
}

/** SQLite has often rolled back by itself already (https://sqlite.org/lang_transaction.html, "Response To Errors"); the first error is the one to report. */
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isTransaction) database.exec('ROLLBACK')
  } catch {
    // The next BEGIN finds out, and that call says so.
  }
}
