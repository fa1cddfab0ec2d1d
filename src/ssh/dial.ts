// The first phase of a connection: a TCP connection with its own timer. ssh2 has one timer for everything, which cannot
// tell a dead host from a slow login.
import { connect, type Socket } from 'node:net'
import { abortedError, connectTimeoutError, dialError } from './ssh-error.ts'
import type { Target } from './transport.ts'

/** An open socket with Nagle's algorithm off (ssh2 leaves it on: 40 ms for every small packet). It keeps an error listener for ever. */
export function dial(target: Target, connectMs: number, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal))
      return
    }
    const socket = connect({ host: target.address, port: target.port, noDelay: true, keepAlive: true })
    const timer = setTimeout(() => {
      fail(connectTimeoutError(target, connectMs))
    }, connectMs)
    const onAbort = (): void => {
      fail(abortedError(signal))
    }
    const onError = (error: unknown): void => {
      fail(dialError(target, error))
    }
    const stopWaiting = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.off('error', onError)
    }
    const fail = (error: Error): void => {
      stopWaiting()
      socket.destroy()
      reject(error)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    // Errors may follow each other, and may follow the end: without a listener each of them would end the process.
    socket.on('error', () => undefined)
    socket.once('error', onError)
    socket.once('connect', () => {
      stopWaiting()
      resolve(socket)
    })
  })
}
