// What the kernel, the resolver, or a hop in their place said while we dialled. Behind a hop the classes are the same as in front
// of it, and the message says who found out.
import { FleetError, messageOf } from '../core/index.ts'
import { dropError } from './handshake-error.ts'
import { endpointOf, placeOf } from './place.ts'
import { codeOf } from './ssh-error.ts'
import type { Target } from './transport.ts'

/** From name resolution or connect(2). */
export function dialError(target: Target, cause: unknown): FleetError {
  const code = codeOf(cause)
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return dnsError(target, `name resolution said ${code}`, code === 'EAI_AGAIN', cause)
    case 'ECONNREFUSED':
      return refusedError(target, cause)
    case 'ETIMEDOUT':
      return connectTimeoutError(target, undefined, cause)
    case 'ECONNRESET':
      return dropError(target, '', cause)
    default:
      return unreachableError(target, messageOf(cause), cause)
  }
}

/** RFC 4254 5.1. */
const PROHIBITED = 1
const RESOURCE_SHORTAGE = 4

/** A hop would not or could not open a connection to `target`. sshd tells why in the words of its C library, in English. */
export function forwardError(target: Target, hop: Target, cause: Error): FleetError {
  const reason = 'reason' in cause ? cause.reason : undefined
  const said = messageOf(cause).replace(/^.*Channel open failure: /, '')
  if (reason === PROHIBITED) return forwardRefusedError(target, hop, said, cause)
  if (reason === RESOURCE_SHORTAGE) {
    return new FleetError(
      'FLEET_SSH_SESSION_LIMIT',
      `expected ${hop.node} to open one more channel for ${placeOf(target)}, it said: ${said}`,
      {
        remedy: `work on fewer nodes at once (--parallel), or raise the limit of channels on ${hop.node}`,
        retryable: true,
        cause,
      },
    )
  }
  if (/refused/i.test(said)) return refusedError(target, cause)
  if (/timed out/i.test(said)) return connectTimeoutError(target, undefined, cause)
  if (/name|service|resolution|not known|nodename|lookup|resolve/i.test(said))
    return dnsError(target, `${hop.node} said: ${said}`, /temporar/i.test(said), cause)
  return unreachableError(target, `${hop.node} said: ${said}`, cause)
}

export function connectTimeoutError(target: Target, afterMs: number | undefined, cause?: unknown): FleetError {
  const when = afterMs === undefined ? 'the kernel gave up' : `no answer within ${afterMs} ms`
  return new FleetError(
    'FLEET_SSH_CONNECT_TIMEOUT',
    `expected ${placeOf(target)} to accept a TCP connection, ${when}`,
    {
      remedy: `check that the node is up and that no firewall swallows the packets${between(target)}`,
      retryable: true,
      cause,
    },
  )
}

export function dnsTimeoutError(target: Target, afterMs: number): FleetError {
  return dnsError(target, `the resolver did not answer within ${afterMs} ms`, true, undefined)
}

export function noAddressError(target: Target): FleetError {
  return dnsError(target, 'the resolver knows the name and no address', false, undefined)
}

function dnsError(target: Target, found: string, retryable: boolean, cause: unknown): FleetError {
  const where = target.via === undefined ? '' : ` (on ${target.via.node}, which looks it up)`
  return new FleetError('FLEET_SSH_DNS', `expected ${placeOf(target)} to have an address, ${found}`, {
    remedy: `check the address of ${target.node} in the inventory, or the resolver: getent hosts ${target.address}${where}`,
    retryable,
    cause,
  })
}

function refusedError(target: Target, cause: unknown): FleetError {
  return new FleetError(
    'FLEET_SSH_REFUSED',
    `expected an SSH server at ${placeOf(target)}, the connection was refused`,
    {
      remedy: `check the port in the inventory, and on the node that sshd runs`,
      retryable: true,
      cause,
    },
  )
}

function unreachableError(target: Target, found: string, cause: unknown): FleetError {
  return new FleetError('FLEET_SSH_UNREACHABLE', `expected a route to ${placeOf(target)}: ${found}`, {
    remedy: `check the network between ${target.via?.node ?? 'this machine'} and the node`,
    retryable: true,
    cause,
  })
}

function forwardRefusedError(target: Target, hop: Target, said: string, cause: unknown): FleetError {
  return new FleetError(
    'FLEET_SSH_FORWARD_REFUSED',
    `expected ${placeOf(hop)} to open a connection to ${placeOf(target)}, it does not permit that: ${said}`,
    {
      remedy: `on ${hop.node} allow it: AllowTcpForwarding yes (or local), PermitOpen ${endpointOf(target)}, and no "restrict" or "no-port-forwarding" before the key in authorized_keys`,
      cause,
    },
  )
}

function between({ via }: Target): string {
  return via === undefined ? '' : ` between ${via.node} and the node`
}
