// Failures that may meet a connection at any time, as values. Those of dialling and of the handshake have files of their own.
import { FleetError, messageOf } from '../core/index.ts'

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

/** The hop went, and the connection behind it with it. `hop`: as messages name it. */
export function lostHopError(node: string, hop: string, cause: FleetError): FleetError {
  return new FleetError('FLEET_SSH_LOST', `the connection to ${node} was lost with its hop: ${cause.message}`, {
    remedy: `look at ${hop} (up? network? sshd log?), then run the same command again`,
    retryable: true,
    cause,
  })
}

/** What happened to a hop, as the failure of a node behind it: the same class, and both names. */
export function onTheWayError(node: string, error: FleetError): FleetError {
  return new FleetError(error.code, `on the way to ${node}: ${error.message}`, {
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    retryable: error.retryable,
    cause: error,
  })
}

/** The text code of a system error (`ECONNRESET`), undefined for anything else. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
