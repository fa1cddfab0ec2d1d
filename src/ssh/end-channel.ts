// Ends a command that nobody waits for any more, together with its channel. ssh2 alone would keep the signal to itself once the
// command's input has ended, and would go on granting room for output after it has closed the channel, which RFC 4254 5.3
// forbids: Dropbear ends the whole connection for that. Should another ssh2 have its parts elsewhere, its own way has to do.
import type { Client, ClientChannel } from 'ssh2'

/** More than any command writes, so that ssh2 never finds the room for output too small. */
const ENDLESS_BYTES = Number.MAX_SAFE_INTEGER

/** Sends TERM, where `isRunning`, and closes the channel. sshd leaves a command alone when its channel closes; the signal is what ends it. */
export function endChannel(client: Client, channel: ClientChannel, isRunning: boolean): void {
  if (isRunning) signalTerm(client, channel)
  const incoming = partOf(channel, 'incoming')
  if (incoming !== undefined) Reflect.set(incoming, 'window', ENDLESS_BYTES)
  channel.close()
}

function signalTerm(client: Client, channel: ClientChannel): void {
  const outgoing = partOf(channel, 'outgoing')
  const protocol = partOf(client, '_protocol')
  const state: unknown = outgoing === undefined ? undefined : Reflect.get(outgoing, 'state')
  const send: unknown = protocol === undefined ? undefined : Reflect.get(protocol, 'signal')
  if (outgoing === undefined || state !== 'eof' || typeof send !== 'function') channel.signal('TERM')
  else Reflect.apply(send, protocol, [Reflect.get(outgoing, 'id'), 'TERM'])
}

function partOf(whole: object, name: string): object | undefined {
  const part: unknown = Reflect.get(whole, name)
  return typeof part === 'object' && part !== null ? part : undefined
}
