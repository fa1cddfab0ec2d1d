// Bytes per second of the last few seconds: a mean since the beginning would hide that a link has become slow.
import type { Clock } from '../../core/index.ts'

export interface RateWindow {
  /** Takes note of how many bytes there are by now. */
  add(bytes: number): void
  /** Undefined in the first second, when any number would be a guess. Never below 0. */
  perS(): number | undefined
}

const WINDOW_MS = 5000
/** Between two notes; what comes sooner replaces the last one. */
const STEP_MS = 100
const MIN_MS = 1000

export function createRateWindow(clock: Clock): RateWindow {
  const notes: { atMs: number; bytes: number }[] = []
  return {
    add: (bytes) => {
      const atMs = clock.monotonicMs()
      const before = notes.at(-2)
      if (before !== undefined && atMs - before.atMs < STEP_MS) notes.pop()
      notes.push({ atMs, bytes })
      // One note from before the window stays, so that the window is whole.
      while ((notes[1]?.atMs ?? atMs) < atMs - WINDOW_MS) notes.shift()
    },
    perS: () => {
      const nowMs = clock.monotonicMs()
      const last = notes.at(-1)
      const first = notes.findLast(({ atMs }) => atMs <= nowMs - WINDOW_MS) ?? notes[0]
      if (first === undefined || last === undefined || nowMs - first.atMs < MIN_MS) return undefined
      return Math.max(0, ((last.bytes - first.bytes) * 1000) / Math.max(nowMs - first.atMs, 1))
    },
  }
}
