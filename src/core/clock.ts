// Time is passed in, so that everything that decides by time can be tested with a clock that stands still.

export interface Clock {
  /** Wall time in milliseconds since the epoch. May step. Only for showing and for a ledger's own records. */
  nowMs(): number
  /** Milliseconds from an arbitrary start. Never steps back. For measuring and for deadlines inside one process. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
