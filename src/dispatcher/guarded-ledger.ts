// The ledger as the dispatcher sees it: every call that fails makes it unhealthy and ends as FLEET_DISPATCHER_UNAVAILABLE, every
// write that succeeds makes it healthy again. Nobody is told that something is stored while it is not.
import { FleetError, messageOf, type Clock } from '../core/index.ts'
import type { Ledger } from '../ledger/index.ts'

export interface GuardedLedger extends Omit<Ledger, 'close' | 'verify'> {
  /** Whether it can write: true if a write succeeded within the last second, else by trying one. Never rejects. */
  canWrite(): Promise<boolean>
  readonly errors: number
}

const FRESH_MS = 1000
const PROBE_TIMEOUT_MS = 5000

export function guardLedger(ledger: Ledger, clock: Clock): GuardedLedger {
  let errors = 0
  let failedLast = false
  let wroteAtMs = Number.NEGATIVE_INFINITY
  let probe: Promise<boolean> | undefined
  // Pausing is serialized, so that a probe, which writes what is written already, cannot undo it.
  let pausing: Promise<unknown> = Promise.resolve()

  const wrote = <Answer>(answer: Answer): Answer => {
    failedLast = false
    wroteAtMs = clock.monotonicMs()
    return answer
  }
  const failed = (cause: unknown): never => {
    errors += 1
    failedLast = true
    throw new FleetError('FLEET_DISPATCHER_UNAVAILABLE', `the ledger cannot be used now: ${messageOf(cause)}`, {
      remedy: 'Try again; nothing was lost. The operator: check the disk of the ledger and fleet dispatcher status.',
      retryable: true,
      cause,
    })
  }
  const write = <Answer>(call: Promise<Answer>): Promise<Answer> => call.then(wrote, failed)
  const read = <Answer>(call: Promise<Answer>): Promise<Answer> => call.catch(failed)

  async function tryToWrite(): Promise<boolean> {
    const attempt = pausing.then(async () => ledger.setPaused((await ledger.status()).paused))
    pausing = attempt.catch(() => undefined)
    try {
      await within(write(attempt), PROBE_TIMEOUT_MS)
      return true
    } catch {
      return false
    } finally {
      probe = undefined
    }
  }

  return {
    import: (rows) => write(ledger.import(rows)),
    lease: (seat, ttlMs) => write(ledger.lease(seat, ttlMs)),
    renew: (id, fence, ttlMs) => write(ledger.renew(id, fence, ttlMs)),
    settle: (settlement) => write(ledger.settle(settlement)),
    expire: () => write(ledger.expire()),
    retry: (ids) => write(ledger.retry(ids)),
    setPaused(paused) {
      const change = pausing.then(() => ledger.setPaused(paused))
      pausing = change.catch(() => undefined)
      return write(change)
    },
    nextEventMs: () => read(ledger.nextEventMs()),
    status: () => read(ledger.status()),
    show: (id) => read(ledger.show(id)),
    list: (query) => read(ledger.list(query)),
    async canWrite() {
      if (!failedLast && clock.monotonicMs() - wroteAtMs < FRESH_MS) return true
      probe ??= tryToWrite()
      return probe
    },
    get errors() {
      return errors
    },
  }
}

async function within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`))
    }, timeoutMs)
  })
  try {
    await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
