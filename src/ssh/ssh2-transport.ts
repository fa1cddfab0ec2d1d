// Reaching nodes by ssh2: trust first, then keys, then the hop, then a seat in the server's handshake budget, then the dial. Every
// phase has its own timer and its own error. What always holds: a failed connect leaves no socket, no agent connection and no timer.
import { FleetError, formatDuration, systemClock, toFleetError, type Clock } from '../core/index.ts'
import { createConnection } from './connection.ts'
import { createKeyRing, type Credentials } from './credentials.ts'
import { createEndpointBudget, type Seat } from './endpoint-budget.ts'
import { bannedError, speaksOfBan } from './handshake-error.ts'
import { shakeHands } from './handshake.ts'
import { createTrustStore, type HostTrust, type KnownHostsOptions } from './host-trust.ts'
import { createLiveConnection, type LiveConnection } from './live-connection.ts'
import { orAborted, pause } from './pause.ts'
import { hopsOf } from './place.ts'
import { createPool, type Lease } from './pool.ts'
import { reach } from './reach.ts'
import { systemLookup, type Lookup } from './resolve-name.ts'
import { isTriedAgain, retryDelayMs } from './retry.ts'
import { onTheWayError } from './ssh-error.ts'
import { DEFAULT_TIMERS, type Timers } from './timers.ts'
import type { Target, Transport } from './transport.ts'

export interface Ssh2TransportOptions {
  readonly knownHosts: KnownHostsOptions
  /** Handshakes at once against one address and port, from 1. Default 8: below MaxStartups' first number, 10, nothing is dropped. */
  readonly perEndpoint?: number
  /** Attempts after the first one, from 0, for failures that may pass by themselves. Default 6. */
  readonly retries?: number
  /** How names become addresses. Default: the system's way. */
  readonly lookUp?: Lookup
  readonly clock?: Clock
  /** From [0, 1). */
  readonly random?: () => number
  readonly timers?: Partial<Timers>
}

/** From the third drop in a row on, "Not allowed at this time" is more likely a ban than a crowd: with one seat left we are no crowd. */
const DROPS_BEFORE_BAN = 3

export function createSsh2Transport(options: Ssh2TransportOptions): Transport {
  const timers: Timers = { ...DEFAULT_TIMERS, ...options.timers }
  const retries = options.retries ?? 6
  const random = options.random ?? Math.random
  const clock = options.clock ?? systemClock
  const trustStore = createTrustStore(options.knownHosts)
  const keyRing = createKeyRing(timers.authMs)
  const budget = createEndpointBudget(options.perEndpoint ?? 8, clock)

  const leaseHop = async (target: Target, signal: AbortSignal): Promise<Lease | undefined> => {
    if (target.via === undefined) return undefined
    try {
      return await pool.lease(target.via, 'hop', signal)
    } catch (error) {
      throw onTheWayError(target.node, toFleetError(error))
    }
  }

  const attempt = async (
    target: Target,
    hop: Lease | undefined,
    trust: HostTrust,
    credentials: Credentials,
    number: number,
    signal: AbortSignal,
  ): Promise<LiveConnection> => {
    const askedMs = clock.monotonicMs()
    const seat = await budget.take(target, signal)
    const seatedMs = clock.monotonicMs()
    try {
      const { stream, ip, dnsMs } = await reach(target, hop, options.lookUp ?? systemLookup, timers, signal)
      const connectMs = clock.monotonicMs() - seatedMs - dnsMs
      const { client, learned } = await shakeHands(stream, target, trust, credentials, timers, signal)
      seat.leave(undefined)
      const { address, port } = target
      const phases = { queueMs: seatedMs - askedMs, dnsMs, connectMs, ...learned.phases }
      const facts = { ...learned, address, port, ip, via: hopsOf(target), attempts: number, phases }
      return createLiveConnection({ target, client, stream, facts, hop }, timers)
    } catch (thrown) {
      throw leaveFailed(seat, target, hop, toFleetError(thrown), number)
    }
  }

  const open = async (target: Target, signal: AbortSignal): Promise<LiveConnection> => {
    const startedMs = clock.monotonicMs()
    const trust = await trustStore.look(target)
    // A person who is asked for a passphrase may never answer.
    const credentials = await orAborted(keyRing.gather(target), signal, (late) => late.release())
    let hop: Lease | undefined
    try {
      for (let number = 1; ; number += 1) {
        if (hop?.live.isSound() !== true) {
          await hop?.release()
          hop = await leaseHop(target, signal)
        }
        try {
          const live = await attempt(target, hop, trust, credentials, number, signal)
          const used = hop
          live.whenGone(() => void used?.release())
          hop = undefined
          return live
        } catch (thrown) {
          const error = toFleetError(thrown)
          if (!isTriedAgain(error, number, retries)) throw afterAttempts(error, number, clock.monotonicMs() - startedMs)
          await pause(retryDelayMs(error.code, number, random(), timers), signal)
        }
      }
    } finally {
      credentials.release()
      await hop?.release()
    }
  }

  const pool = createPool(open, timers.lingerMs, clock)

  return {
    close: () => pool.close(),
    connect: async (target, { signal } = {}) => {
      const lease = await pool.lease(target, 'node', signal)
      return createConnection(lease.live, () => lease.release())
    },
  }
}

/** Gives the seat back and returns the error as it is to be understood: whose fault it was, and whether a drop was a ban. */
function leaveFailed(
  seat: Seat,
  target: Target,
  hop: Lease | undefined,
  error: FleetError,
  number: number,
): FleetError {
  const isDrop = error.code === 'FLEET_SSH_STARTUP_DROP'
  if (hop?.live.isGone() === true) {
    const lost = onTheWayError(target.node, hop.live.lost())
    seat.leave(lost)
    return lost
  }
  seat.leave(error)
  if (!isDrop) return error
  return seat.mayBeBanned() || (speaksOfBan(error) && number >= DROPS_BEFORE_BAN) ? bannedError(target, error) : error
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
