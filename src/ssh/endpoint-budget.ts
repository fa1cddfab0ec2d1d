// How many handshakes run at once against one SSH server, and when the next may begin. sshd counts connections that have not
// authenticated and drops new ones at random from MaxStartups' first number on (sshd_config(5), default 10:30:100), so the
// limit belongs to the server, not to the fleet. It adapts as TCP does: a drop halves it, every success gives back a part of a
// seat. A login that may be refused waits before it queues for a seat, so that it does not keep others from one.
import { FleetError, type Clock } from '../core/index.ts'
import { createGate, type Gate } from './gate.ts'
import { createLoginBook, type LoginBook } from './login-book.ts'
import { placeOf, wayOf } from './place.ts'
import { abortedError } from './ssh-error.ts'
import type { Target } from './transport.ts'

export type SeatOutcome = 'reached' | 'dropped' | 'other'

export interface Seat {
  /** True when a drop, here and now, is probably a ban. */
  readonly mayBeBanned: () => boolean
  /** Ends the seat and tells what became of the handshake; undefined: we were let in. To be called once. */
  leave(failure: FleetError | undefined): void
}

export interface EndpointBudget {
  /** Waits for a seat at this server. Throws FLEET_SSH_AUTH, without dialling, when it has refused this login before, and FLEET_SSH_ABORTED. */
  take(target: Target, signal: AbortSignal | undefined): Promise<Seat>
}

interface Endpoint {
  readonly gate: Gate
  readonly logins: LoginBook
  allowance: number
}

/** `ceiling`: handshakes at once against one endpoint while nothing is dropped, from 1. */
export function createEndpointBudget(ceiling: number, clock: Clock): EndpointBudget {
  const endpoints = new Map<string, Endpoint>()

  const endpointFor = (target: Target): Endpoint => {
    const name = wayOf(target)
    const known = endpoints.get(name)
    if (known !== undefined) return known
    const made = { gate: createGate(ceiling), logins: createLoginBook(clock), allowance: ceiling }
    endpoints.set(name, made)
    return made
  }

  return {
    take: async (target, signal) => {
      const endpoint = endpointFor(target)
      const admission = await endpoint.logins.admit(loginOf(target), signal)
      if (admission instanceof FleetError) throw refusedBeforeError(target, admission)
      let leaveGate: () => void
      try {
        leaveGate = await enter(endpoint.gate, signal)
      } catch (error) {
        admission.settle(new FleetError('FLEET_SSH_CLOSED', 'never dialled'))
        throw error
      }
      return {
        mayBeBanned: () => endpoint.logins.mayBeBanned(),
        leave: (failure) => {
          admission.settle(failure)
          endpoint.allowance = nextAllowance(endpoint.allowance, outcomeOf(failure), ceiling)
          endpoint.gate.resize(Math.floor(endpoint.allowance))
          leaveGate()
        },
      }
    },
  }
}

/** Pure. Additive increase (one seat per round of successes), multiplicative decrease, never below 1 or above `ceiling`. */
export function nextAllowance(allowance: number, outcome: SeatOutcome, ceiling: number): number {
  if (outcome === 'dropped') return Math.max(1, allowance / 2)
  if (outcome === 'reached') return Math.min(ceiling, allowance + 1 / allowance)
  return allowance
}

function outcomeOf(failure: FleetError | undefined): SeatOutcome {
  if (failure === undefined) return 'reached'
  return failure.code === 'FLEET_SSH_STARTUP_DROP' ? 'dropped' : 'other'
}

/** Who we say we are and how we would prove it. */
function loginOf({ user, identities, identitiesOnly, agent, passphrase, password }: Target): string {
  const asked = [passphrase !== undefined, password !== undefined]
  return JSON.stringify([user, identities, identitiesOnly ?? false, agent ?? '', asked])
}

function refusedBeforeError(target: Target, before: FleetError): FleetError {
  return new FleetError(
    'FLEET_SSH_AUTH',
    `expected ${placeOf(target)} to let us in, it has just refused the same login and was not asked again: ${before.message}`,
    { ...(before.remedy === undefined ? {} : { remedy: before.remedy }), cause: before },
  )
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
