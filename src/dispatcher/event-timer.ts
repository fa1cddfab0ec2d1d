// One timer for everything that happens by itself: leases that end and delayed IDs that become due. It ends leases, wakes
// waiters, asks the ledger when the next event is, and sleeps until then.
//
// Always true: while there is a lease, the timer is armed for at most `leaseMs`; a lease granted later ends later, so no end is missed.
import type { Clock } from '../core/index.ts'
import type { GuardedLedger } from './guarded-ledger.ts'

export interface EventTimer {
  /** Something will be due in `dueMs`; earlier calls stay in force. */
  armFor(dueMs: number): void
  /** A lease was granted. Costs nothing when the timer is armed. */
  armForLease(): void
  /** Nothing happens any more afterwards; resolves when what was happening has ended. */
  stop(): Promise<void>
}

export interface EventTimerOptions {
  readonly ledger: GuardedLedger
  readonly leaseMs: number
  readonly clock: Clock
  /** `expired` leases have ended, and other IDs may be due. Resolves with how many waiters were served. */
  onEvent(expired: number): Promise<number>
}

/** Timers and the ledger's clock may differ by a little; asking a moment too early is repeated. */
const MIN_SLEEP_MS = 2
/** An ID that is due but wanted by nobody (all paused, no worker there) is looked at this often. */
const MAX_IDLE_SLEEP_MS = 1000

export function createEventTimer(options: EventTimerOptions): EventTimer {
  const { ledger, leaseMs, clock } = options
  let timer: NodeJS.Timeout | undefined
  let firesAtMs = Number.POSITIVE_INFINITY
  let idleSleepMs = MIN_SLEEP_MS
  let running: Promise<void> | undefined
  let isStopped = false

  function armFor(dueMs: number): void {
    const sleepMs = Math.max(MIN_SLEEP_MS, Math.min(Math.ceil(dueMs) + 1, leaseMs))
    const atMs = clock.monotonicMs() + sleepMs
    if (isStopped || atMs >= firesAtMs) return
    clearTimeout(timer)
    firesAtMs = atMs
    timer = setTimeout(fire, sleepMs)
  }

  function fire(): void {
    timer = undefined
    firesAtMs = Number.POSITIVE_INFINITY
    running = (running ?? Promise.resolve()).then(round)
  }

  async function round(): Promise<void> {
    if (isStopped) return
    try {
      const expired = await ledger.expire()
      const served = await options.onEvent(expired)
      idleSleepMs = expired + served > 0 ? MIN_SLEEP_MS : Math.min(MAX_IDLE_SLEEP_MS, idleSleepMs * 2)
      const nextMs = await ledger.nextEventMs()
      if (nextMs !== undefined) armFor(Math.max(nextMs, idleSleepMs))
    } catch {
      // The ledger cannot be used now, which its health shows; what is due stays due.
      armFor(MAX_IDLE_SLEEP_MS)
    }
  }

  return {
    armFor,
    armForLease() {
      if (timer === undefined) armFor(leaseMs)
    },
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
}
