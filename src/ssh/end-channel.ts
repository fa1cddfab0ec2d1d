// Ends a command that nobody waits for any more, together with its channel. ssh2 alone would keep the signal to itself once the
// command's input has ended, and would go on granting room for output after it has closed the channel, which RFC 4254 5.3
// forbids: Dropbear ends the whole connection for that.
import type { Client, ClientChannel } from 'ssh2'
import { callPart, partOf } from './ssh2-parts.ts'

/** More than any command writes, so that ssh2 never finds the room for output too small. */
const ENDLESS_BYTES = Number.MAX_SAFE_INTEGER

/** Sends TERM, where `isRunning`, and closes the channel. A server may leave a command alone when its channel closes; the signal is what ends it. */
export function endChannel(client: Client, channel: ClientChannel, isRunning: boolean): void {
  const outgoing = partOf(channel, 'outgoing')
  if (isRunning && outgoing !== undefined && Reflect.get(outgoing, 'state') === 'eof')
    callPart(partOf(client, '_protocol'), 'signal', Reflect.get(outgoing, 'id'), 'TERM')
  else if (isRunning) channel.signal('TERM')
  const incoming = partOf(channel, 'incoming')
  if (incoming !== undefined) Reflect.set(incoming, 'window', ENDLESS_BYTES)
  channel.close()
}
