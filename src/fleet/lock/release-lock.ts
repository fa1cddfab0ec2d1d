// Looking at the operator lock of a node, and ending one that was left behind.
import { hostname } from 'node:os'
import { loginName, type Clock } from '../../core/index.ts'
import {
  forceReleaseCommand,
  LOCK_REFUSED,
  lockStateCommand,
  parseLockRefusal,
  parseLockState,
  releaseLockCommand,
  type LockHolder,
  type LockState,
} from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { insistOnSuccess, run, runAnyway } from '../fleet-node.ts'
import { damagedError, heldError } from './lock-error.ts'
import { operatorHere } from './operator-lock.ts'
import { isDead } from './this-process.ts'

export async function lockStateOf(connection: Connection, base: string): Promise<LockState> {
  return parseLockState((await run(connection, lockStateCommand(base))).stdout)
}

export type LockRelease =
  | { readonly outcome: 'free' }
  /** Whoever comes next takes it; it is not ours to give back. */
  | { readonly outcome: 'expired'; readonly holder: LockHolder }
  | { readonly outcome: 'released'; readonly holder: LockHolder }
  /** `holder` undefined: etc/epoch was damaged. */
  | { readonly outcome: 'forced'; readonly holder: LockHolder | undefined }

export interface LockReleaseOptions {
  readonly clock: Clock
  /** Ends the lock of anybody, also of a run that is alive: from then on the node refuses it. */
  readonly isForced: boolean
  /** For the node's own record. */
  readonly command: string
}

/**
 * Without force, ends only locks of this user on this machine whose run is dead or that have expired; throws FLEET_LOCK_HELD for any other that is good. Throws
 * FLEET_NODE_LOCK_DAMAGED where it takes force. Idempotent.
 */
export async function releaseLock(
  connection: Connection,
  base: string,
  options: LockReleaseOptions,
): Promise<LockRelease> {
  if (options.isForced) return releaseByForce(connection, base, options)
  const state = await lockStateOf(connection, base)
  const { epoch, holder } = state
  if (state.isDamaged === true) throw damagedError(base, `${base}/etc/epoch cannot be read`)
  if (holder === undefined) return { outcome: 'free' }
  const isOurs = holder.who === loginName() && holder.host === hostname()
  const isExpired = holder.expiresInS <= 0
  if (isOurs && (isExpired || isDead(holder.process))) {
    await run(connection, releaseLockCommand(base, { epoch, token: holder.token }))
    return { outcome: 'released', holder }
  }
  if (isExpired) return { outcome: 'expired', holder }
  throw heldError(connection.node, state, 'held', options.clock.nowMs())
}

async function releaseByForce(
  connection: Connection,
  base: string,
  { clock, command }: LockReleaseOptions,
): Promise<LockRelease> {
  const force = forceReleaseCommand(base, operatorHere(command, clock))
  const result = await runAnyway(connection, force)
  const reason = parseLockRefusal(result.stdout)
  if (result.exitCode === LOCK_REFUSED)
    throw heldError(connection.node, parseLockState(result.stdout), reason, clock.nowMs())
  const { holder, isDamaged } = parseLockState(insistOnSuccess(force, result).stdout)
  return holder === undefined && isDamaged !== true ? { outcome: 'free' } : { outcome: 'forced', holder }
}
