// One dispatcher: a ledger, a lease desk, a timer and an HTTP server, started and stopped together. The ledger belongs to the
// caller, who opens it before and closes it after.
import { type Clock, FleetError, hostAndPort, type JobName, messageOf, type Secret } from '../core/index.ts'
import type { Ledger } from '../ledger/index.ts'
import { createAccess } from './access.ts'
import type { Desk } from './desk.ts'
import { createEventTimer, type EventTimer } from './event-timer.ts'
import { guardLedger } from './guarded-ledger.ts'
import { createHttpServer } from './http-server.ts'
import { createLeaseBook } from './lease-book.ts'
import { createLeaseDesk } from './lease-desk.ts'
import { createTally } from './tally.ts'

export interface DispatcherOptions {
  readonly ledger: Ledger
  readonly job: JobName
  /** Port 0: any free one. */
  readonly listen: { readonly address: string; readonly port: number }
  readonly operatorToken: Secret
  readonly workerToken: Secret
  /** How long a lease is good for without being renewed. */
  readonly leaseMs: number
  readonly clock: Clock
  /** From [0, 1). */
  readonly random: () => number
  /** Accepts that tokens cross the network readable for anybody on the way. */
  readonly insecureHttp?: boolean
  /** Shown by status. */
  readonly version?: string
}

export interface Dispatcher {
  /** Where it listens, with the real port; for a wildcard address, the loopback address. */
  readonly url: string
  /** Hands out nothing more, answers what is under way, and stops listening; within about five seconds. May be called twice. */
  close(): Promise<void>
}

const CLOSE_GRACE_MS = 3000
/** Retry-After is drawn from this many seconds up to twice as many. */
const RETRY_AFTER_S = 5

/** Throws FLEET_DISPATCHER_INSECURE, FLEET_DISPATCHER_CANNOT_LISTEN or FLEET_DISPATCHER_UNAVAILABLE. */
export async function startDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const { address, port } = options.listen
  requireSafe(address, options.insecureHttp ?? false)
  const { desk, timer } = await createDesk(options)
  const access = createAccess(options.operatorToken, options.workerToken)
  const app = createHttpServer(desk, access, () => RETRY_AFTER_S + Math.floor(options.random() * RETRY_AFTER_S))
  try {
    await app.listen({ host: address, port })
  } catch (cause) {
    await timer.stop()
    throw new FleetError(
      'FLEET_DISPATCHER_CANNOT_LISTEN',
      `cannot listen on ${hostAndPort(address, port)}: ${messageOf(cause)}`,
      {
        remedy: 'Choose another address or port with dispatcher.listen, or stop what uses this one.',
        cause,
      },
    )
  }

  async function stop(): Promise<void> {
    desk.isDraining = true
    desk.leases.drain()
    await timer.stop()
    const cut = setTimeout(() => {
      app.server.closeAllConnections()
    }, CLOSE_GRACE_MS)
    await app.close()
    clearTimeout(cut)
  }
  let closing: Promise<void> | undefined
  const bound = app.server.address()
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port
  return {
    url: `http://${hostAndPort(reachable(address), boundPort)}`,
    close() {
      closing ??= stop()
      return closing
    },
  }
}

async function createDesk(options: DispatcherOptions): Promise<{ readonly desk: Desk; readonly timer: EventTimer }> {
  const { clock, leaseMs } = options
  const ledger = guardLedger(options.ledger, clock)
  const tally = createTally(clock)
  const book = createLeaseBook()
  const { paused } = await ledger.status()
  const leases = createLeaseDesk(ledger, leaseMs, paused, {
    onLease(lease, seat) {
      tally.leases += 1
      book.note(lease.fence, seat.slot)
      timer.armForLease()
    },
    onDue: (dueMs) => {
      timer.armFor(dueMs)
    },
  })
  const timer = createEventTimer({
    ledger,
    leaseMs,
    clock,
    onEvent(expired) {
      tally.expired += expired
      return leases.wake(expired)
    },
  })
  // Leases may have ended while nobody was here to notice.
  timer.armFor(0)
  const desk: Desk = {
    ledger,
    leases,
    book,
    tally,
    clock,
    job: options.job,
    version: options.version ?? 'unknown',
    leaseMs,
    startedMs: clock.monotonicMs(),
    isDraining: false,
  }
  return { desk, timer }
}

function requireSafe(address: string, isAccepted: boolean): void {
  if (isAccepted || isLoopback(address)) return
  throw new FleetError(
    'FLEET_DISPATCHER_INSECURE',
    `expected a loopback address without TLS, got ${address}: tokens would cross the network in the clear`,
    {
      remedy: 'Listen on 127.0.0.1, or accept the risk in a network that you trust with --insecure-http.',
    },
  )
}

/** 127.0.0.0/8 (RFC 1122, section 3.2.1.3), ::1, or the name that stands for them. */
function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(?:\.\d{1,3}){3}$/.test(address)
}

function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}
