// Notices that the other side of a silent connection is gone. Its timer never keeps this process alive.
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'

const MAX_UNANSWERED = 3

/** Asks when nothing was heard for `intervalMs`; after three times without an answer calls `onDead`, once. Returns what ends it. */
export function keepAlive(client: Client, stream: Duplex, intervalMs: number, onDead: () => void): () => void {
  let unanswered = 0
  let isHeard = false
  const onData = (): void => {
    isHeard = true
  }
  const timer = setInterval(() => {
    unanswered = isHeard ? 0 : unanswered + 1
    isHeard = false
    if (unanswered > MAX_UNANSWERED) {
      stop()
      onDead()
    } else {
      ask(client)
    }
  }, intervalMs)
  timer.unref()
  stream.on('data', onData)
  const stop = (): void => {
    clearInterval(timer)
    stream.off('data', onData)
  }
  return stop
}

/** A request that no server grants and every server answers (RFC 4254 7.1): to end a forwarding that was never begun. */
function ask(client: Client): void {
  try {
    client.unforwardIn('127.0.0.1', 0, () => undefined)
  } catch {
    // Not connected any more: `close` tells.
  }
}
