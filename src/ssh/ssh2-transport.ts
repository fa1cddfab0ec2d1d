// Reaching nodes by ssh2: trust first, then keys, then a seat in the server's handshake budget, then the dial. Every phase has
// its own timer and its own error. What always holds: a failed connect leaves no socket, no agent connection and no timer.
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError, formatDuration, systemClock, toFleetError, type Clock } from '../core/index.ts'
import { createConnection } from './connection.ts'
import { createKeyRing, type Credentials } from './credentials.ts'
import { dial } from './dial.ts'
import { createEndpointBudget, type Seat } from './endpoint-budget.ts'
import { shakeHands } from './handshake.ts'
import { createTrustStore, type HostTrust, type KnownHostsOptions } from './host-trust.ts'
import { endpointOf } from './place.ts'
import { isTriedAgain, retryDelayMs } from './retry.ts'
import { abortedError } from './ssh-error.ts'
import type { Connection, Target, Transport } from './transport.ts'

export interface Timers {
  /** For the TCP connection, name resolution included. Milliseconds, like all of these. Default 10,000. */
  readonly connectMs: number
  /** For greeting and key exchange. Default 20,000. */
  readonly handshakeMs: number
  /** For authentication. Default 20,000. Also the most that an agent may take to list its keys. */
  readonly authMs: number
  /** Between keepalives on a silent connection; after three without an answer it counts as lost. Default 15,000. */
  readonly keepaliveMs: number
  /** The first and the longest wait between two attempts. Default 250 and 8,000. */
  readonly backoffMs: readonly [number, number]
}

export interface Ssh2TransportOptions {
  readonly knownHosts: KnownHostsOptions
  /** Handshakes at once against one address and port, from 1. Default 8: below MaxStartups' first number, 10, nothing is dropped. */
  readonly perEndpoint?: number
  /** Attempts after the first one, from 0, for failures that may pass by themselves. Default 6. */
  readonly retries?: number
  readonly clock?: Clock
  /** From [0, 1). */
  readonly random?: () => number
  readonly timers?: Partial<Timers>
}

const DEFAULT_TIMERS: Timers = {
  connectMs: 10_000,
  handshakeMs: 20_000,
  authMs: 20_000,
  keepaliveMs: 15_000,
  backoffMs: [250, 8000],
}

export function createSsh2Transport(options: Ssh2TransportOptions): Transport {
  const timers: Timers = { ...DEFAULT_TIMERS, ...options.timers }
  const retries = options.retries ?? 6
  const random = options.random ?? Math.random
  const clock = options.clock ?? systemClock
  const trustStore = createTrustStore(options.knownHosts)
  const keyRing = createKeyRing(timers.authMs)
  const budget = createEndpointBudget(options.perEndpoint ?? 8)

  const attempt = async (
    target: Target,
    trust: HostTrust,
    credentials: Credentials,
    signal?: AbortSignal,
  ): Promise<Connection> => {
    const seat = await budget.take(endpointOf(target), signal)
    try {
      const socket = await dial(target, timers.connectMs, signal)
      const client = await shakeHands(socket, target, trust, credentials, timers, signal)
      seat.leave('reached')
      return createConnection(target.node, client, socket)
    } catch (error) {
      leaveFailed(seat, toFleetError(error))
      throw error
    }
  }

  return {
    connect: async (target, { signal } = {}) => {
      const startedMs = clock.monotonicMs()
      const trust = await trustStore.look(target)
      const credentials = await keyRing.gather(target)
      try {
        for (let number = 1; ; number += 1) {
          try {
            return await attempt(target, trust, credentials, signal)
          } catch (thrown) {
            const error = toFleetError(thrown)
            if (!isTriedAgain(error, number, retries))
              throw afterAttempts(error, number, clock.monotonicMs() - startedMs)
            await pause(retryDelayMs(number, random(), timers.backoffMs), signal)
          }
        }
      } finally {
        credentials.release()
      }
    },
  }
}

function leaveFailed(seat: Seat, error: FleetError): void {
  seat.leave(error.code === 'FLEET_SSH_STARTUP_DROP' ? 'dropped' : 'other')
}

async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal })
  } catch {
    throw abortedError(signal)
  }
}

/** The last error, which says how often it was tried when that was more than once. */
function afterAttempts(error: FleetError, attempts: number, tookMs: number): FleetError {
  if (attempts === 1) return error
  return new FleetError(error.code, `${error.message} (${attempts} attempts in ${formatDuration(tookMs)})`, {
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    retryable: error.retryable,
    cause: error,
  })
}
