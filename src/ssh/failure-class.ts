// What a failure to connect means, as data: whether another attempt may cure it, how long to wait
// before it, and what it costs with OpenSSH's PerSourcePenalties. Authentication and host keys are never tried again: sshd
// punishes a loop of refusals with a ban (on by default since OpenSSH 9.8), while a connection dropped by MaxStartups costs nothing.
import type { FleetErrorCode } from '../core/index.ts'
import { AUTH_FAILURE_MS, NO_AUTH_MS } from './penalty.ts'

export interface FailureClass {
  /** `few`: a server that is down answers the same after a long wait as after a short one. `all`: as often as was allowed. */
  readonly retry: 'never' | 'few' | 'all'
  /** `long` starts four times as high; `penalty` outlasts a ban. */
  readonly backoff: 'short' | 'long' | 'penalty'
  /** What sshd may hold against this machine, in milliseconds (sshd_config(5), PerSourcePenalties: authfail 5 s, noauth 1 s). */
  readonly penaltyMs: number
}

const CLASSES: Readonly<Partial<Record<FleetErrorCode, FailureClass>>> = {
  FLEET_SSH_DNS: { retry: 'few', backoff: 'long', penaltyMs: 0 },
  FLEET_SSH_REFUSED: { retry: 'few', backoff: 'short', penaltyMs: 0 },
  FLEET_SSH_UNREACHABLE: { retry: 'few', backoff: 'long', penaltyMs: 0 },
  FLEET_SSH_CONNECT_TIMEOUT: { retry: 'few', backoff: 'short', penaltyMs: 0 },
  FLEET_SSH_FORWARD_REFUSED: { retry: 'never', backoff: 'short', penaltyMs: 0 },
  FLEET_SSH_STARTUP_DROP: { retry: 'all', backoff: 'short', penaltyMs: 0 },
  FLEET_SSH_BANNED: { retry: 'all', backoff: 'penalty', penaltyMs: 0 },
  // In the last of its phases a key may have been offered already; sshd counts that as a refusal when we hang up.
  FLEET_SSH_HANDSHAKE_TIMEOUT: { retry: 'few', backoff: 'short', penaltyMs: AUTH_FAILURE_MS },
  FLEET_SSH_PROTOCOL: { retry: 'never', backoff: 'short', penaltyMs: NO_AUTH_MS },
  FLEET_SSH_NO_COMMON_ALGORITHM: { retry: 'never', backoff: 'short', penaltyMs: NO_AUTH_MS },
  FLEET_SSH_HOST_KEY_UNKNOWN: { retry: 'never', backoff: 'short', penaltyMs: NO_AUTH_MS },
  FLEET_SSH_HOST_KEY_CHANGED: { retry: 'never', backoff: 'short', penaltyMs: NO_AUTH_MS },
  FLEET_SSH_HOST_KEY_REVOKED: { retry: 'never', backoff: 'short', penaltyMs: NO_AUTH_MS },
  FLEET_SSH_ABORTED: { retry: 'never', backoff: 'short', penaltyMs: AUTH_FAILURE_MS },
  FLEET_SSH_AUTH: { retry: 'never', backoff: 'short', penaltyMs: AUTH_FAILURE_MS },
  FLEET_SSH_SESSION_LIMIT: { retry: 'few', backoff: 'short', penaltyMs: 0 },
  FLEET_SSH_CHANNEL_TIMEOUT: { retry: 'few', backoff: 'short', penaltyMs: 0 },
  FLEET_SSH_STALLED: { retry: 'never', backoff: 'short', penaltyMs: 0 },
  // While connecting, this is a server or a hop that went before it had answered our login: nothing has run yet, and the server
  // has not said no, so two more attempts are safe. After the login the same error comes from `exec`, and nobody here repeats that.
  FLEET_SSH_LOST: { retry: 'few', backoff: 'short', penaltyMs: AUTH_FAILURE_MS },
}

const OTHER: FailureClass = { retry: 'never', backoff: 'short', penaltyMs: 0 }

/** Pure. Codes that are not about connecting are never tried again. */
export function failureClass(code: FleetErrorCode): FailureClass {
  return CLASSES[code] ?? OTHER
}
