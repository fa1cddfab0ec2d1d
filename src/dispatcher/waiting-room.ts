// The workers that wait for an ID, first come, first served, at most one per slot. Pure bookkeeping: it holds the order and the
// deadlines; who gets what is decided by the lease desk.
import type { FullSlotName } from '../core/index.ts'
import type { Seat } from '../ledger/index.ts'
import type { LeaseReply } from './lease-reply.ts'

/** A connection, as far as it matters here. Node's ServerResponse is one. */
export interface Listener {
  readonly destroyed: boolean
  once(event: 'close', react: () => void): unknown
}

export interface Waiter extends Seat {
  /** Settles the call; later calls do nothing. */
  answer(reply: LeaseReply | Error): void
  /** The ledger is being asked for this waiter. It keeps its place until the answer is there. */
  isAsking: boolean
  /** Its time is over; it gets what the ledger says, or nothing. */
  isLate: boolean
}

export interface WaitingRoom {
  readonly size: number
  /** Resolves with what the waiter is told: what `answer` was given, `empty` after `waitMs` or when its connection closed. */
  wait(seat: Seat, waitMs: number, listener: Listener): Promise<LeaseReply>
  /** The first waiters that are not being asked for, at most `count`, now being asked for. */
  take(count: number): readonly Waiter[]
  /** Back to waiting, at the old place. */
  putBack(waiter: Waiter): void
  /** A slot has called again: whoever waited for it before is told that there is nothing. */
  dismiss(slot: FullSlotName): void
  /** Tells everybody. */
  empty(reply: LeaseReply): void
}

const NOTHING: LeaseReply = { kind: 'empty' }

export function createWaitingRoom(): WaitingRoom {
  // A Map keeps the order of arrival and takes a waiter out of the middle at no cost.
  const waiters = new Map<FullSlotName, Waiter>()

  return {
    get size() {
      return waiters.size
    },
    wait(seat, waitMs, listener) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          if (waiter.isAsking) waiter.isLate = true
          else waiter.answer(NOTHING)
        }, waitMs)
        const waiter: Waiter = {
          slot: seat.slot,
          instance: seat.instance,
          isAsking: false,
          isLate: false,
          answer(reply) {
            clearTimeout(timer)
            if (waiters.get(seat.slot) === waiter) waiters.delete(seat.slot)
            if (reply instanceof Error) reject(reply)
            else resolve(reply)
          },
        }
        waiters.set(seat.slot, waiter)
        listener.once('close', () => {
          waiter.answer(NOTHING)
        })
      })
    },
    take(count) {
      const taken: Waiter[] = []
      for (const waiter of waiters.values()) {
        if (taken.length >= count) break
        if (waiter.isAsking) continue
        waiter.isAsking = true
        taken.push(waiter)
      }
      return taken
    },
    putBack(waiter) {
      waiter.isAsking = false
      if (waiter.isLate) waiter.answer(NOTHING)
    },
    dismiss(slot) {
      waiters.get(slot)?.answer(NOTHING)
    },
    empty(reply) {
      for (const waiter of [...waiters.values()]) waiter.answer(reply)
    },
  }
}
