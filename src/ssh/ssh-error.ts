// The failures of this room as values: each code with its expectation, what was found, and what to do. What ssh2, the
// kernel and the resolver say is sorted here and nowhere else, because ssh2 gives most of its errors no code at all.
import { FleetError, messageOf } from '../core/index.ts'
import { placeOf } from './place.ts'
import type { Target } from './transport.ts'

export function abortedError(signal: AbortSignal | undefined): FleetError {
  return new FleetError('FLEET_SSH_ABORTED', 'the call was aborted before it ended', { cause: signal?.reason })
}

export function closedError(node: string): FleetError {
  return new FleetError('FLEET_SSH_CLOSED', `expected an open connection to ${node}, it was closed on this side`)
}

export function lostError(node: string, cause: unknown): FleetError {
  const why = cause === undefined ? 'it was closed by the other side' : messageOf(cause)
  return new FleetError('FLEET_SSH_LOST', `the connection to ${node} was lost: ${why}`, {
    remedy: 'look at the node (up? network? sshd log?), then run the same command again',
    retryable: true,
    cause,
  })
}

/** What the kernel or the resolver said while dialling. */
export function dialError(target: Target, cause: unknown): FleetError {
  const place = placeOf(target)
  const code = codeOf(cause)
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return new FleetError('FLEET_SSH_DNS', `expected ${place} to have an address, name resolution said ${code}`, {
        remedy: `check the address of ${target.node} in the inventory, or the resolver: getent hosts ${target.address}`,
        retryable: code === 'EAI_AGAIN',
        cause,
      })
    case 'ECONNREFUSED':
      return new FleetError('FLEET_SSH_REFUSED', `expected an SSH server at ${place}, the connection was refused`, {
        remedy: 'check the port in the inventory, and on the node that sshd runs',
        retryable: true,
        cause,
      })
    case 'ETIMEDOUT':
      return connectTimeoutError(target, undefined, cause)
    case 'ECONNRESET':
      return startupDropError(target, '', cause)
    default:
      return new FleetError('FLEET_SSH_UNREACHABLE', `expected a route to ${place}: ${messageOf(cause)}`, {
        remedy: 'check the network between this machine and the node',
        retryable: true,
        cause,
      })
  }
}

export function connectTimeoutError(target: Target, afterMs: number | undefined, cause?: unknown): FleetError {
  const when = afterMs === undefined ? 'the kernel gave up' : `no answer within ${afterMs} ms`
  return new FleetError(
    'FLEET_SSH_CONNECT_TIMEOUT',
    `expected ${placeOf(target)} to accept a TCP connection, ${when}`,
    {
      remedy: 'check that the node is up and that no firewall swallows the packets',
      retryable: true,
      cause,
    },
  )
}

export function handshakeTimeoutError(target: Target, phase: Phase, afterMs: number): FleetError {
  const what = phase === 'handshake' ? 'to complete the SSH handshake' : 'to finish authentication'
  return new FleetError(
    'FLEET_SSH_HANDSHAKE_TIMEOUT',
    `expected ${placeOf(target)} ${what} within ${afterMs} ms, it did not`,
    {
      remedy: 'check the load of the node and its sshd; another kind of server may sit at that port',
      retryable: true,
    },
  )
}

/** `said`: what the server sent in place of its greeting, if anything. */
function startupDropError(target: Target, said: string, cause: unknown): FleetError {
  const heard = said === '' ? 'it was closed before' : `it said ${JSON.stringify(said)} and closed`
  return new FleetError(
    'FLEET_SSH_STARTUP_DROP',
    `expected ${placeOf(target)} to complete the SSH handshake, ${heard}`,
    {
      remedy:
        'too many connections at once: raise MaxStartups in sshd_config there, or lower ssh.per_endpoint; since OpenSSH 9.8 PerSourcePenalties may have banned this machine for up to 10 minutes',
      retryable: true,
      cause,
    },
  )
}

export type Phase = 'handshake' | 'authentication'

/** What ssh2 reported between the open socket and `ready`. `said` as for startupDropError. */
export function handshakeError(target: Target, phase: Phase, cause: unknown, said: string): FleetError {
  const message = messageOf(cause)
  if (message.includes('no matching')) {
    return new FleetError(
      'FLEET_SSH_NO_COMMON_ALGORITHM',
      `expected an algorithm in common with ${placeOf(target)}: ${message}`,
      {
        remedy: 'allow curve25519-sha256, an ed25519 or RSA (SHA-2) host key and an AES cipher in sshd_config there',
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
  return startupDropError(target, said, cause)
}

function isLoss(cause: unknown): boolean {
  return codeOf(cause) !== undefined || messageOf(cause) === 'Connection lost before handshake'
}

export interface AuthFailure {
  /** What was offered, in order. */
  readonly offered: readonly string[]
  /** What the server said it would take, if it said. */
  readonly accepted: readonly string[]
  /** Keys that did not fit into sshd's limit of tries. */
  readonly leftOut: number
  /** Key files that could not be used, each with its reason. */
  readonly unusable: readonly string[]
  readonly cause: unknown
}

export function authError(target: Target, failure: AuthFailure): FleetError {
  const offered = failure.offered.length === 0 ? 'there was no key to offer' : `offered ${failure.offered.join(', ')}`
  const parts = [`expected ${placeOf(target)} to accept a key, it refused; ${offered}`]
  if (failure.leftOut > 0) parts.push(`${failure.leftOut} more agent keys were not offered (MaxAuthTries is 6)`)
  if (failure.accepted.length > 0) parts.push(`the server accepts ${failure.accepted.join(', ')}`)
  if (failure.unusable.length > 0) parts.push(`not usable: ${failure.unusable.join('; ')}`)
  return new FleetError('FLEET_SSH_AUTH', parts.join('; '), {
    remedy: `put a public key of yours into ~${target.user}/.ssh/authorized_keys on the node, or name the right user or identity in the inventory`,
    cause: failure.cause,
  })
}

export function keyFileError(path: string, found: string, remedy: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_SSH_KEY_FILE', `expected a usable private key in ${path}, ${found}`, { remedy, cause })
}

/** The text code of a system error (`ECONNRESET`), undefined for anything else. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
