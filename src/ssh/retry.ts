// Which failures to connect are tried again, how often and after how long. Pure. Authentication and host keys are never
// tried again: sshd punishes a loop of refusals with a ban (PerSourcePenalties, on by default since OpenSSH 9.8), while
// a connection dropped by MaxStartups costs nothing.
import type { FleetError, FleetErrorCode } from '../core/index.ts'

/** A server that is down answers the same after a long wait as after a short one, so these get few chances. */
const FEW = 2
const ALL = Number.POSITIVE_INFINITY

const CHANCES: Readonly<Partial<Record<FleetErrorCode, number>>> = {
  FLEET_SSH_STARTUP_DROP: ALL,
  FLEET_SSH_REFUSED: FEW,
  FLEET_SSH_UNREACHABLE: FEW,
  FLEET_SSH_CONNECT_TIMEOUT: FEW,
  FLEET_SSH_HANDSHAKE_TIMEOUT: FEW,
  FLEET_SSH_DNS: FEW,
}

/** Whether attempt number `attempt` (from 1), which ended with `error`, is followed by another. `retries`: the most that are wanted, from 0. */
export function isTriedAgain(error: FleetError, attempt: number, retries: number): boolean {
  return error.retryable && attempt <= Math.min(retries, CHANCES[error.code] ?? 0)
}

/** Milliseconds before the attempt that follows attempt number `attempt` (from 1): doubling up to `maxMs`, of which the upper half is chance. `random` is from [0, 1). */
export function retryDelayMs(attempt: number, random: number, [baseMs, maxMs]: readonly [number, number]): number {
  const fullMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1))
  return Math.round(fullMs / 2 + (fullMs / 2) * random)
}
