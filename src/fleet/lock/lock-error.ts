// What an operator reads who meets the lock of another one, or who has lost their own.
import { FleetError, formatDuration, type NodeName } from '../../core/index.ts'
import type { LockHolder, LockRefusal, LockState } from '../../node/index.ts'

/** `ann@laptop since 2026-11-23T02:00:00Z (2m 3s): fleet push`. How long that is needs `nowMs`, by the clock of this machine. */
export function describeHolder({ who, host, since, command }: LockHolder, nowMs = Number.NaN): string {
  const agoMs = nowMs - Date.parse(since)
  const ago = Number.isFinite(agoMs) && agoMs >= 0 ? ` (${formatDuration(agoMs)})` : ''
  return `${who}@${host} since ${since}${ago}: ${command}`
}

export function heldError(
  node: NodeName,
  { holder }: LockState,
  reason: LockRefusal | undefined,
  nowMs: number,
): FleetError {
  const by = holder === undefined ? 'somebody who is just taking it' : describeHolder(holder, nowMs)
  return new FleetError(
    'FLEET_LOCK_HELD',
    reason === 'busy'
      ? `a command that holds the operator lock of ${node} did not end for 10 seconds; the lock was last taken by ${by}`
      : `the operator lock of ${node} is held by ${by}`,
    {
      remedy:
        'wait until they are done (fleet lock status shows them; --lock-wait 5m waits by itself), or, when that run is dead, fleet lock release --force',
      retryable: true,
    },
  )
}

/** Not retryable by itself: what was planned under the lock may not be true any more. */
export function lostError(message: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_LOCK_LOST', message, {
    remedy:
      'somebody else took over, or this machine slept or was cut off for longer than the lock is good for: look with fleet lock status, then run the command again',
    ...(cause === undefined ? {} : { cause }),
  })
}

export function damagedError(base: string, said: string): FleetError {
  return new FleetError('FLEET_NODE_LOCK_DAMAGED', said, {
    remedy: `look at ${base}/etc/epoch on the node: its disk may be failing. When nobody works there, fleet lock release --force writes it anew`,
  })
}
