// What goes wrong between an open connection and an authenticated one, sorted here and nowhere else, because ssh2 gives most of its
// errors no code at all.
import { FleetError, messageOf } from '../core/index.ts'
import { explainMismatch } from './key-exchange-offer.ts'
import { placeOf } from './place.ts'
import { codeOf, lostError } from './ssh-error.ts'
import type { Target } from './transport.ts'

export type HandshakePhase = 'banner' | 'keyExchange' | 'authentication'

/** What is known of the server when something goes wrong. */
export interface Heard {
  /** What it sent in place of its greeting; empty when there was nothing, or a proper greeting. */
  readonly said: string
  /** The payload of its KEXINIT, once it came. */
  readonly offer: Buffer | undefined
}

const AWAITED: Readonly<Record<HandshakePhase, string>> = {
  banner: 'to greet',
  keyExchange: 'to complete the key exchange',
  authentication: 'to finish authentication',
}

export function handshakeTimeoutError(target: Target, phase: HandshakePhase, afterMs: number): FleetError {
  return new FleetError(
    'FLEET_SSH_HANDSHAKE_TIMEOUT',
    `expected ${placeOf(target)} ${AWAITED[phase]} within ${afterMs} ms, it did not`,
    {
      remedy: 'check the load of the node and its sshd; another kind of server may sit at that port',
      retryable: true,
    },
  )
}

/** What ssh2 reported between the open connection and `ready`. */
export function handshakeError(target: Target, phase: HandshakePhase, cause: unknown, heard: Heard): FleetError {
  const message = messageOf(cause)
  if (message.includes('no matching')) {
    const { found, remedy } = explainMismatch(message, heard.offer)
    return new FleetError(
      'FLEET_SSH_NO_COMMON_ALGORITHM',
      `expected an algorithm in common with ${placeOf(target)}, ${found}`,
      {
        remedy,
        cause,
      },
    )
  }
  if (phase === 'authentication') return lostError(placeOf(target), cause)
  // A version line that is none, a packet that is none, or a refusal with words (RFC 4253 11.1): time will not cure it.
  if (cause !== undefined && !isLoss(cause)) {
    return new FleetError('FLEET_SSH_PROTOCOL', `expected ${placeOf(target)} to speak SSH 2: ${message}`, {
      remedy: 'check the port in the inventory: another kind of server may sit there',
      cause,
    })
  }
  if (isAnotherProtocol(heard.said)) {
    return new FleetError(
      'FLEET_SSH_PROTOCOL',
      `expected ${placeOf(target)} to speak SSH 2, it said ${JSON.stringify(heard.said)}`,
      { remedy: 'check the port in the inventory: another kind of server sits there', cause },
    )
  }
  return dropError(target, heard.said, cause)
}

/** The first words of HTTP, SMTP or FTP, POP and IMAP servers; sshd that drops a connection has other ones. */
function isAnotherProtocol(said: string): boolean {
  return /^(?:HTTP\/|[245]\d\d[ -]|\+OK|\* OK|<)/i.test(said)
}

/** `said`: what the server sent in place of its greeting, if anything. */
export function dropError(target: Target, said: string, cause: unknown): FleetError {
  const heard = said === '' ? 'it was closed before' : `it said ${JSON.stringify(said)} and closed`
  return new FleetError(
    'FLEET_SSH_STARTUP_DROP',
    `expected ${placeOf(target)} to complete the SSH handshake, ${heard}`,
    {
      remedy:
        'too many connections at once: raise MaxStartups in sshd_config there, or lower ssh.per_endpoint; since OpenSSH 9.8 PerSourcePenalties may have banned this machine for up to 10 minutes',
      retryable: true,
      cause: cause ?? (said === '' ? undefined : new Error(said)),
    },
  )
}

/** A drop that is a ban: authentication failed there before, or the server keeps refusing in the words that OpenSSH has for it. */
export function bannedError(target: Target, drop: FleetError): FleetError {
  return new FleetError('FLEET_SSH_BANNED', `${drop.message}; it has probably banned this machine for a while`, {
    remedy:
      'find out which login failed there (wrong user or key?); the ban ends by itself within 10 minutes. In sshd_config: PerSourcePenaltyExemptList, for this machine',
    retryable: true,
    cause: drop,
  })
}

/** OpenSSH since 9.8 says so for MaxStartups and for a ban alike; before that there were no bans, and other words. */
export function speaksOfBan(drop: FleetError): boolean {
  return drop.message.includes('Not allowed at this time')
}

function isLoss(cause: unknown): boolean {
  return codeOf(cause) !== undefined || messageOf(cause) === 'Connection lost before handshake'
}
