// A connection that a hop opens for us: a direct-tcpip channel (RFC 4254 7.2) as a stream that behaves like a socket. ssh2's own
// channel does not: it cannot be destroyed, and never says `close` when the other side keeps silent.
import { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { connectTimeoutError, forwardError } from './dial-error.ts'
import { abortedError } from './ssh-error.ts'
import type { Target } from './transport.ts'

/** `hop`: a client that is ready. Throws FleetError; `lost` is asked when the hop itself has gone. The stream keeps an error listener for ever. */
export function openTunnel(
  hop: { readonly client: Client; readonly target: Target; readonly lost: () => Error },
  target: Target,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal))
      return
    }
    let isOver = false
    const settle = (conclude: () => void): void => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      conclude()
    }
    const fail = (error: Error): void => settle(() => reject(error))
    const onAbort = (): void => fail(abortedError(signal))
    const timer = setTimeout(() => fail(connectTimeoutError(target, limitMs)), limitMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      hop.client.forwardOut('127.0.0.1', 0, target.address, target.port, (error, channel) => {
        if (error !== undefined) {
          fail('reason' in error ? forwardError(target, hop.target, error) : hop.lost())
          return
        }
        const stream = streamOf(channel)
        if (isOver) stream.destroy()
        settle(() => resolve(stream))
      })
    } catch {
      // ssh2 throws `Not connected` here instead of calling back.
      fail(hop.lost())
    }
  })
}

function streamOf(channel: ClientChannel): Duplex {
  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => channel.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (channel.writable) channel.write(chunk, done)
      else done(new Error('the hop closed the connection'))
    },
    // What was held back together makes few large packets instead of many small ones.
    writev: (pieces, done) => {
      const bytes = Buffer.concat(pieces.map(({ chunk }: { readonly chunk: Buffer }) => chunk))
      if (channel.writable) channel.write(bytes, done)
      else done(new Error('the hop closed the connection'))
    },
    final: (done) => {
      channel.end()
      done()
    },
    destroy: (error, done) => {
      channel.close()
      // What still comes is nobody's; unread it would keep the channel's end from being heard.
      channel.resume()
      done(error)
    },
  })
  channel.on('data', (chunk: Buffer) => {
    if (!stream.destroyed && !stream.push(chunk)) channel.pause()
  })
  channel.once('end', () => {
    if (!stream.destroyed) stream.push(null)
  })
  channel.once('close', () => {
    // Whoever listens for `end` hears it first.
    setImmediate(() => stream.destroy())
  })
  channel.on('error', () => undefined)
  stream.on('error', () => undefined)
  return stream
}
