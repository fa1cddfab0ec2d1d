// What this process has done since it started: plain numbers, counted on the hot path and read by status and metrics.
import { nodeOfSlot, type Clock, type FullSlotName } from '../core/index.ts'
import { createRateRing, type RateRing } from './rate-ring.ts'

export interface Tally {
  leases: number
  renewals: number
  completed: number
  failed: number
  released: number
  stale: number
  expired: number
  added: number
  duplicates: number
  rejected: number
  readonly done: RateRing
  /** One more ID is done, by the worker in `slot` if that is known. */
  noteDone(slot: FullSlotName | undefined): void
  /** IDs done per minute by a node, over the last minute. */
  ratePerMinute(node: string): number
}

export function createTally(clock: Clock): Tally {
  // All rates are taken over the same time, so that those of the nodes add up to that of the job.
  const startedMs = clock.monotonicMs()
  const done = createRateRing(clock, startedMs)
  const nodes = new Map<string, RateRing>()
  return {
    leases: 0,
    renewals: 0,
    completed: 0,
    failed: 0,
    released: 0,
    stale: 0,
    expired: 0,
    added: 0,
    duplicates: 0,
    rejected: 0,
    done,
    noteDone(slot) {
      done.add()
      if (slot === undefined) return
      const node = nodeOfSlot(slot)
      let ring = nodes.get(node)
      if (ring === undefined) nodes.set(node, (ring = createRateRing(clock, startedMs)))
      ring.add()
    },
    ratePerMinute: (node) => nodes.get(node)?.perMinute() ?? 0,
  }
}
