// Whether a server said no to a command, or closed its channel before it said anything: ssh2 calls both `Unable to exec`. After a no,
// nothing has run. After a silent close, something may have: Dropbear 2022.82 to 2024.85 closes a new channel by mistake when another
// command ends at that moment, and runs what was asked for all the same (mkj/dropbear#321).
import type { Client } from 'ssh2'
import { callPart, comeBefore, partOf } from './ssh2-parts.ts'

/**
 * Returns what tells, while ssh2 reports `Unable to exec`, whether the server said no. Also closes the channel of a refused command, which
 * ssh2 forgets, so that the server does not count it for ever.
 */
export function watchRefusals(client: Client): () => boolean {
  let isRefusing = false
  comeBefore(client, 'CHANNEL_FAILURE', (passOn, recipient) => {
    isRefusing = true
    try {
      passOn()
    } finally {
      isRefusing = false
    }
    const channel = callPart(partOf(client, '_chanMgr'), 'get', recipient)
    // A channel that has a command is somebody's.
    if (typeof channel === 'object' && channel !== null && Reflect.get(channel, 'subtype') === undefined)
      callPart(channel, 'close')
  })
  return () => isRefusing
}
