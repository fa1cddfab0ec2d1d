// The end of a connection, whatever state it is in: politely if the other side takes part, by force if it does not.
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'

/** Long enough for a disconnect message to leave, short enough not to be noticed when fifty dead nodes are let go at once. */
const GRACE_MS = 1000

/** Says goodbye, waits at most `graceMs` for the other side to close, then destroys the stream. Always settles, with the stream closed. */
export function hangUp(client: Client, stream: Duplex, graceMs = GRACE_MS): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) {
      resolve()
      return
    }
    const timer = setTimeout(() => {
      stream.destroy()
    }, graceMs)
    stream.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    client.end()
  })
}
