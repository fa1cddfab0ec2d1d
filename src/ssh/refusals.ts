// Whether a server said no to a command, or closed its channel before it said anything: ssh2 calls both `Unable to exec`. After a no,
// nothing has run. After a silent close, something may have: Dropbear 2022.82 to 2024.85 closes a new channel by mistake when another
// command ends at that moment, and runs what was asked for all the same (mkj/dropbear#321).
import type { Client } from 'ssh2'

/**
 * Returns what tells, while ssh2 reports `Unable to exec`, whether the server said no. Also closes the channel of a refused command, which
 * ssh2 forgets, so that the server does not count it for ever. Should another ssh2 have its parts elsewhere, the answer is always false.
 */
export function watchRefusals(client: Client): () => boolean {
  let isRefusing = false
  const protocol = partOf(client, '_protocol')
  const handlers = protocol === undefined ? undefined : partOf(protocol, '_handlers')
  const original: unknown = handlers === undefined ? undefined : Reflect.get(handlers, 'CHANNEL_FAILURE')
  if (handlers !== undefined && typeof original === 'function') {
    Reflect.set(handlers, 'CHANNEL_FAILURE', (self: unknown, recipient: unknown) => {
      isRefusing = true
      try {
        Reflect.apply(original, handlers, [self, recipient])
      } finally {
        isRefusing = false
      }
      close(client, recipient)
    })
  }
  return () => isRefusing
}

function close(client: Client, recipient: unknown): void {
  const manager = partOf(client, '_chanMgr')
  const get: unknown = manager === undefined ? undefined : Reflect.get(manager, 'get')
  if (typeof get !== 'function') return
  const channel: unknown = Reflect.apply(get, manager, [recipient])
  if (typeof channel !== 'object' || channel === null) return
  // A channel that has a command is somebody's.
  const end: unknown = Reflect.get(channel, 'subtype') === undefined ? Reflect.get(channel, 'close') : undefined
  if (typeof end === 'function') Reflect.apply(end, channel, [])
}

function partOf(whole: object, name: string): object | undefined {
  const part: unknown = Reflect.get(whole, name)
  return typeof part === 'object' && part !== null ? part : undefined
}
