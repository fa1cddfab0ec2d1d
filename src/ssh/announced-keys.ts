// After the login OpenSSH announces all of its host keys (its PROTOCOL file, 2.5, hostkeys-00@openssh.com), for clients that keep their
// known_hosts up to date by themselves. fleet does not; ssh2 would have the server prove each of them, two signatures and a round trip for
// every connection, and throws on a kind of key that it does not know.
import type { Client } from 'ssh2'
import { partOf } from './ssh2-parts.ts'

const ANNOUNCEMENT = 'hostkeys-00@openssh.com'

/** To be called once the client has begun to connect. False when it cannot be done: then ssh2 does what it does. */
export function passOverAnnouncedKeys(client: Client): boolean {
  const handlers = partOf(partOf(client, '_protocol'), '_handlers')
  const original: unknown = handlers === undefined ? undefined : Reflect.get(handlers, 'GLOBAL_REQUEST')
  if (handlers === undefined || typeof original !== 'function') return false
  Reflect.set(handlers, 'GLOBAL_REQUEST', (self: unknown, name: unknown, wantsReply: unknown, data: unknown) => {
    // OpenSSH wants no answer to it. Whoever does gets ssh2's.
    if (name === ANNOUNCEMENT && wantsReply !== true) return
    Reflect.apply(original, handlers, [self, name, wantsReply, data])
  })
  return true
}
