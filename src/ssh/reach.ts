// From a target to a stream of bytes that leads to its SSH server: by name and TCP, or through a hop, which does both.
import type { Duplex } from 'node:stream'
import { dial } from './dial.ts'
import type { Lease } from './pool.ts'
import { resolveName, type Lookup } from './resolve-name.ts'
import type { Timers } from './timers.ts'
import type { Target } from './transport.ts'
import { openTunnel } from './tunnel.ts'

interface Reached {
  readonly stream: Duplex
  readonly ip: string | undefined
  readonly dnsMs: number
}

/** An open connection to the server, through `hop` if there is one. It keeps an error listener for ever. */
export async function reach(
  target: Target,
  hop: Lease | undefined,
  lookUp: Lookup,
  timers: Timers,
  signal: AbortSignal,
): Promise<Reached> {
  const connectMs = target.connectTimeoutMs ?? timers.connectMs
  if (hop !== undefined) {
    const stream = await openTunnel(hop.live, target, connectMs, signal)
    return { stream, ip: undefined, dnsMs: 0 }
  }
  const startedMs = performance.now()
  const addresses = await resolveName(target, lookUp, timers.dnsMs, signal)
  const dnsMs = performance.now() - startedMs
  const socket = await dial(target, addresses, connectMs, signal)
  return { stream: socket, ip: socket.remoteAddress, dnsMs }
}
