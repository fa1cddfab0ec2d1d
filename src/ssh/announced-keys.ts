// After the login OpenSSH announces all of its host keys (its PROTOCOL file, 2.5, hostkeys-00@openssh.com), for clients that keep their
// known_hosts up to date by themselves. fleet does not; ssh2 would have the server prove each of them, two signatures and a round trip for
// every connection, and throws on a kind of key that it does not know.
import type { Client } from 'ssh2'
import { comeBefore } from './ssh2-parts.ts'

const ANNOUNCEMENT = 'hostkeys-00@openssh.com'

/** As `comeBefore`. */
export function passOverAnnouncedKeys(client: Client): boolean {
  return comeBefore(client, 'GLOBAL_REQUEST', (passOn, name, wantsReply) => {
    // OpenSSH wants no answer to it. Whoever does gets ssh2's.
    if (name !== ANNOUNCEMENT || wantsReply === true) passOn()
  })
}
