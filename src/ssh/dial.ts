// A TCP connection with its own timer: ssh2 has one timer for everything, which cannot tell a dead host from a slow login. Of
// several addresses the first that answers wins (RFC 8305, "happy eyeballs"); unlike Node's own, an attempt is not given up
// because the next has begun, so a slow link reaches a server with two addresses too.
import { connect, type Socket } from 'node:net'
import { connectTimeoutError, dialError } from './dial-error.ts'
import { abortedError, codeOf } from './ssh-error.ts'
import type { Target } from './transport.ts'

/** From one attempt to the next. RFC 8305 8 recommends 250 ms. */
const STAGGER_MS = 250

/** An open socket with Nagle's algorithm off (ssh2 leaves it on: 40 ms for every small packet). It keeps an error listener for ever. */
export function dial(
  target: Target,
  addresses: readonly string[],
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal))
      return
    }
    const sockets = new Set<Socket>()
    const failures: unknown[] = []
    let next = 0
    let staggerTimer: NodeJS.Timeout | undefined

    const settle = (winner: Socket | undefined): void => {
      clearTimeout(timer)
      clearTimeout(staggerTimer)
      signal?.removeEventListener('abort', onAbort)
      for (const socket of sockets) if (socket !== winner) socket.destroy()
      sockets.clear()
    }
    const fail = (error: Error): void => {
      settle(undefined)
      reject(error)
    }
    const onAbort = (): void => fail(abortedError(signal))
    const timer = setTimeout(() => fail(connectTimeoutError(target, limitMs)), limitMs)
    signal?.addEventListener('abort', onAbort, { once: true })

    const begin = (): void => {
      clearTimeout(staggerTimer)
      const address = addresses[next]
      if (address === undefined) {
        if (sockets.size === 0) fail(dialError(target, mostTelling(failures)))
        return
      }
      next += 1
      const socket = connect({ host: address, port: target.port, noDelay: true, keepAlive: true })
      sockets.add(socket)
      const onError = (error: unknown): void => {
        if (!sockets.delete(socket)) return
        failures.push(error)
        begin()
      }
      // Errors may follow each other, and may follow the end: without a listener each of them would end the process.
      socket.on('error', () => undefined)
      socket.once('error', onError)
      socket.once('connect', () => {
        socket.off('error', onError)
        settle(socket)
        resolve(socket)
      })
      if (next < addresses.length) staggerTimer = setTimeout(begin, STAGGER_MS)
    }
    begin()
  })
}

/** A machine without IPv6 has no route for every second address; what the others said is what matters. */
function mostTelling(failures: readonly unknown[]): unknown {
  const hasRoute = (failure: unknown): boolean =>
    !['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(failure) ?? '')
  return failures.find(hasRoute) ?? failures[0]
}
