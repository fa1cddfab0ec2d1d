// Where leases are asked for: at once if the ledger has an ID, else by waiting. The ledger decides who gets what; the desk
// decides when it is worth asking it again.
//
// Always true: the ledger is asked for a waiter only when something may have become available, for as many waiters as there
// are IDs plus a few, and by one pump at a time. So 200 waiters and one new ID are one or two questions, not 200.
import { toFleetError } from '../core/index.ts'
import type { Lease, LeaseAnswer, Seat } from '../ledger/index.ts'
import type { GuardedLedger } from './guarded-ledger.ts'
import type { LeaseReply } from './lease-reply.ts'
import { createWaitingRoom, type Listener, type Waiter } from './waiting-room.ts'

export interface LeaseDesk {
  readonly waiters: number
  readonly isPaused: boolean
  /** Asks for a lease and waits up to `waitMs` if there is nothing. A waiter whose connection closed is not asked for any more. */
  ask(seat: Seat, waitMs: number, listener: Listener): Promise<LeaseReply>
  /** About `count` IDs have become available, or some may have: serves waiters. Resolves with how many got a lease. */
  wake(count: number): Promise<number>
  setPaused(isPaused: boolean): void
  /** From now on nobody gets a lease; everybody who waits is told so. */
  drain(): void
}

export interface DeskEvents {
  onLease(lease: Lease, seat: Seat): void
  /** Somebody waits for an ID that is due in `dueMs`. */
  onDue(dueMs: number): void
}

/** Waiters asked for at once. More would only make the first of them wait for the last. */
const MAX_ASKED = 256
const PAUSED: LeaseReply = { kind: 'paused' }
const DRAINING: LeaseReply = { kind: 'draining' }

export function createLeaseDesk(
  ledger: GuardedLedger,
  leaseMs: number,
  initiallyPaused: boolean,
  events: DeskEvents,
): LeaseDesk {
  const room = createWaitingRoom()
  let isPaused = initiallyPaused
  let isDraining = false
  /** Rises whenever something may have become available. */
  let wakes = 0
  let hint = 0
  let isPumping = false
  let pump = Promise.resolve(0)

  async function serve(): Promise<number> {
    let served = 0
    let seen = -1
    while (seen !== wakes) {
      seen = wakes
      served += await serveOnce()
    }
    // In the same turn as the comparison above, so that no wake is lost in between.
    isPumping = false
    return served
  }

  /** As many waiters as there are said to be IDs, then one, two, four.. more for as long as each gets one. */
  async function serveOnce(): Promise<number> {
    let served = 0
    let known = hint
    hint = 0
    for (let guess = 1; ;) {
      const count = known > 0 ? known : guess
      const batch = isPaused || isDraining ? [] : room.take(Math.min(count, MAX_ASKED))
      if (batch.length === 0) return served
      const leased = await askFor(batch)
      served += leased
      if (leased < batch.length) return served
      if (known > 0) known -= batch.length
      else guess *= 2
    }
  }

  /** How many of the batch got a lease. */
  async function askFor(batch: readonly Waiter[]): Promise<number> {
    const answers = await Promise.allSettled(batch.map((waiter) => ledger.lease(waiter, leaseMs)))
    let leased = 0
    for (const [index, answer] of answers.entries()) {
      const waiter = batch[index]
      if (waiter === undefined) continue
      if (answer.status === 'rejected') waiter.answer(toFleetError(answer.reason))
      else if (tell(waiter, answer.value)) leased += 1
    }
    return leased
  }

  function tell(waiter: Waiter, answer: LeaseAnswer): boolean {
    switch (answer.kind) {
      case 'leased':
        events.onLease(answer.lease, waiter)
        waiter.answer(answer)
        return true
      case 'finished':
        room.empty(answer)
        return false
      case 'empty':
        if (answer.nextDueMs !== undefined) events.onDue(answer.nextDueMs)
        room.putBack(waiter)
        return false
      default:
        return answer satisfies never
    }
  }

  function refuseWaiting(): LeaseReply | undefined {
    if (isDraining) return DRAINING
    return isPaused ? PAUSED : undefined
  }

  function wake(count: number): Promise<number> {
    wakes += 1
    if (room.size === 0) return Promise.resolve(0)
    hint = Math.max(hint, count)
    if (!isPumping) {
      isPumping = true
      pump = serve()
    }
    return pump
  }

  return {
    get waiters() {
      return room.size
    },
    get isPaused() {
      return isPaused
    },
    async ask(seat, waitMs, listener) {
      if (isDraining) return DRAINING
      room.dismiss(seat.slot)
      const seen = wakes
      const answer = await ledger.lease(seat, leaseMs)
      if (answer.kind === 'leased') {
        events.onLease(answer.lease, seat)
        return answer
      }
      if (answer.kind === 'finished') {
        room.empty(answer)
        return answer
      }
      const refusal = refuseWaiting()
      if (refusal !== undefined) return refusal
      if (waitMs === 0 || listener.destroyed) return { kind: 'empty' }
      room.dismiss(seat.slot)
      const reply = room.wait(seat, waitMs, listener)
      if (answer.nextDueMs !== undefined) events.onDue(answer.nextDueMs)
      // Something became available between the ledger's answer and now.
      if (seen !== wakes) void wake(1)
      return reply
    },
    wake,
    setPaused(paused) {
      isPaused = paused
      if (paused) room.empty(PAUSED)
    },
    drain() {
      isDraining = true
      room.empty(DRAINING)
    },
  }
}
