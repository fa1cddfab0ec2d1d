// What an sshd may hold against this machine. Pure. OpenSSH 9.8 and later add a penalty to the source address for every
// connection that ended badly, let it decay in real time, and refuse all connections once more than 15 s have accrued
// (sshd_config(5), PerSourcePenalties; srclimit.c). We keep the same account and never let one more failure cross the line.

export interface PenaltyAccount {
  /** When all is forgiven, on the clock of the caller, in milliseconds. */
  readonly clearAtMs: number
  /** When a login was refused last; undefined: never. */
  readonly refusedAtMs: number | undefined
}

export const NO_PENALTY: PenaltyAccount = { clearAtMs: Number.NEGATIVE_INFINITY, refusedAtMs: undefined }

/** The dearest failure that an honest client causes (authfail). */
export const AUTH_FAILURE_MS = 5000
/** A connection that ends before anything was offered (noauth). */
export const NO_AUTH_MS = 1000

/** sshd enforces above 15 s and counts whole seconds, so one is kept in reserve. */
const LINE_MS = 14_000
/** No penalty lasts longer. */
const LONGEST_MS = 600_000

export function addPenalty(account: PenaltyAccount, penaltyMs: number, nowMs: number): PenaltyAccount {
  if (penaltyMs === 0) return account
  return { ...account, clearAtMs: Math.min(nowMs + LONGEST_MS, Math.max(account.clearAtMs, nowMs) + penaltyMs) }
}

export function noteRefusal(account: PenaltyAccount, nowMs: number): PenaltyAccount {
  return { ...account, refusedAtMs: nowMs }
}

/** Milliseconds until failures worth `riskMs` may all happen without a ban; Infinity when they never may. */
export function waitMs(account: PenaltyAccount, riskMs: number, nowMs: number): number {
  if (riskMs > LINE_MS) return Number.POSITIVE_INFINITY
  return Math.max(0, Math.ceil(Math.max(0, account.clearAtMs - nowMs) + riskMs - LINE_MS))
}

/** Whether a connection that is closed before the greeting now has to be taken for a ban. */
export function mayBeBanned({ refusedAtMs }: PenaltyAccount, nowMs: number): boolean {
  return refusedAtMs !== undefined && nowMs - refusedAtMs < LONGEST_MS
}
