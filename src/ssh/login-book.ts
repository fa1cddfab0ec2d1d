// What one SSH server has answered to our logins, and what it may hold against us for them. What always holds: were every
// login that it has not accepted yet to fail now, all at once, it would still not ban this machine; and a login that it has
// refused is not offered to it again.
//
//   unproven ──▶ accepted     (any number at once from now on)
//       └──────▶ refused      (for the rest of the run)
import type { Clock, FleetError } from '../core/index.ts'
import { failureClass } from './failure-class.ts'
import { addPenalty, AUTH_FAILURE_MS, mayBeBanned, NO_AUTH_MS, NO_PENALTY, noteRefusal, waitMs } from './penalty.ts'
import { orAborted } from './pause.ts'

export interface LoginBook {
  /** Waits until another try of `login` is no risk. The error: how it was refused before. Throws FLEET_SSH_ABORTED. */
  admit(login: string, signal: AbortSignal | undefined): Promise<Admission | FleetError>
  /** True when a drop, here and now, is probably a ban. */
  mayBeBanned(): boolean
}

export interface Admission {
  /** How the try ended; undefined: it was let in. To be called once. */
  readonly settle: (failure: FleetError | undefined) => void
}

type Standing = { readonly kind: 'accepted' } | { readonly kind: 'refused'; readonly error: FleetError }

export function createLoginBook(clock: Clock): LoginBook {
  const standings = new Map<string, Standing>()
  const waiting = new Set<() => void>()
  let account = NO_PENALTY
  let unproven = 0

  const begin = (login: string, isProven: boolean): Admission => {
    if (!isProven) unproven += 1
    return {
      settle: (failure) => {
        if (!isProven) unproven -= 1
        const nowMs = clock.monotonicMs()
        if (failure === undefined) {
          standings.set(login, { kind: 'accepted' })
        } else {
          account = addPenalty(account, failureClass(failure.code).penaltyMs, nowMs)
          if (failure.code === 'FLEET_SSH_AUTH') {
            account = noteRefusal(account, nowMs)
            standings.set(login, { kind: 'refused', error: failure })
          }
        }
        for (const wake of waiting) wake()
      },
    }
  }

  return {
    admit: async (login, signal) => {
      for (;;) {
        const standing = standings.get(login)
        if (standing?.kind === 'refused') return standing.error
        const isProven = standing?.kind === 'accepted'
        const riskMs = isProven ? NO_AUTH_MS : (unproven + 1) * AUTH_FAILURE_MS
        const leftMs = waitMs(account, riskMs, clock.monotonicMs())
        if (leftMs === 0) return begin(login, isProven)
        await news(waiting, leftMs, signal)
      }
    },
    mayBeBanned: () => mayBeBanned(account, clock.monotonicMs()),
  }
}

/** Resolves when something was settled, or after `limitMs`, which may be Infinity. Throws FLEET_SSH_ABORTED. */
async function news(waiting: Set<() => void>, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve: wake } = Promise.withResolvers<undefined>()
  const wakeUp = (): void => {
    wake(undefined)
  }
  const timer = Number.isFinite(limitMs) ? setTimeout(wakeUp, limitMs) : undefined
  waiting.add(wakeUp)
  try {
    await orAborted(promise, signal)
  } finally {
    clearTimeout(timer)
    waiting.delete(wakeUp)
  }
}
