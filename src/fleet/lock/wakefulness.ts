// Did this process run all the time? A machine that slept and a process that was stopped do not notice by themselves, and neither may
// take a lock again that expired meanwhile. Both clocks are watched: the monotonic one stands still while a machine sleeps.
import type { Clock } from '../../core/index.ts'

export interface Wakefulness {
  /** `sinceMs` by the monotonic clock. */
  hasSlept(sinceMs: number): boolean
  stop(): void
}

/** A gap of more than `limitMs` is sleep. */
export function watchWakefulness(clock: Clock, limitMs: number): Wakefulness {
  let last = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }
  let wokeMs = Number.NEGATIVE_INFINITY
  const look = (): void => {
    const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }
    if (now.monotonicMs - last.monotonicMs > limitMs || now.wallMs - last.wallMs > limitMs) wokeMs = now.monotonicMs
    last = now
  }
  const timer = setInterval(look, limitMs / 6)
  timer.unref()
  return {
    hasSlept: (sinceMs) => {
      look()
      return wokeMs >= sinceMs
    },
    stop: () => {
      clearInterval(timer)
    },
  }
}
