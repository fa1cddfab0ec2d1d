// How many handshakes run at once against one SSH server. sshd counts connections that have not authenticated and drops
// new ones at random from MaxStartups' first number on (sshd_config(5), default 10:30:100), so the limit belongs to the
// server, not to the fleet. It adapts as TCP does: a drop halves it, every success gives back a part of a seat.
import { abortedError } from './ssh-error.ts'
import { createGate, type Gate } from './gate.ts'

export interface Seat {
  /** Ends the seat and tells what became of the handshake. May be called twice; the first counts. */
  leave(outcome: 'reached' | 'dropped' | 'other'): void
}

export interface EndpointBudget {
  /** Waits for a seat at this endpoint. Throws FLEET_SSH_ABORTED when `signal` fires first. */
  take(endpoint: string, signal: AbortSignal | undefined): Promise<Seat>
}

/** `ceiling`: handshakes at once against one endpoint while nothing is dropped, from 1. */
export function createEndpointBudget(ceiling: number): EndpointBudget {
  const endpoints = new Map<string, { gate: Gate; allowance: number }>()

  return {
    take: async (endpoint, signal) => {
      let known = endpoints.get(endpoint)
      if (known === undefined) {
        known = { gate: createGate(ceiling), allowance: ceiling }
        endpoints.set(endpoint, known)
      }
      const state = known
      const leaveGate = await enter(state.gate, signal)
      let left = false
      return {
        leave: (outcome) => {
          if (left) return
          left = true
          state.allowance = nextAllowance(state.allowance, outcome, ceiling)
          state.gate.resize(Math.floor(state.allowance))
          leaveGate()
        },
      }
    },
  }
}

/** Pure. Additive increase (one seat per round of successes), multiplicative decrease, never below 1 or above `ceiling`. */
export function nextAllowance(allowance: number, outcome: 'reached' | 'dropped' | 'other', ceiling: number): number {
  if (outcome === 'dropped') return Math.max(1, allowance / 2)
  if (outcome === 'reached') return Math.min(ceiling, allowance + 1 / allowance)
  return allowance
}

/** Resolves with the way out. */
function enter(gate: Gate, signal: AbortSignal | undefined): Promise<() => void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal))
      return
    }
    const onAbort = (): void => {
      ticket.leave()
      reject(abortedError(signal))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    const ticket = gate.enter(() => {
      signal?.removeEventListener('abort', onAbort)
      // With room right now this runs before `ticket` is there.
      resolve(() => {
        ticket.leave()
      })
    })
  })
}
