// The operator lock as a node tells it.
import { FleetError } from '../../core/index.ts'
import { oneLine } from './one-line.ts'

export interface LockHolder {
  readonly token: string
  readonly who: string
  /** The control machine. */
  readonly host: string
  /** What is being run, for example `fleet push --restart`. */
  readonly command: string
  /** By the clock of the control machine, RFC 3339. */
  readonly since: string
  /** The run of the CLI itself, as its own machine knows it; empty when it could not tell. */
  readonly process: string
  /** Seconds until it expires unless it is renewed, by the node's clock since boot; 0 or less: it has expired. */
  readonly expiresInS: number
}

export interface LockState {
  /** The last epoch given out; 0 on a node where the lock was never taken. */
  readonly epoch: number
  /** Undefined when nobody holds it. An expired one is still here, with `expiresInS` at 0 or less. */
  readonly holder: LockHolder | undefined
  /** True: etc/epoch is there and cannot be understood. The node refuses everybody until the lock is released by force. */
  readonly isDamaged?: boolean
}

/** Reads what `lock_say` printed, among any other lines. What comes back is one printable line each. Throws FLEET_NODE_BAD_LOCK. */
export function parseLockState(stdout: string): LockState {
  const values = lockLines(stdout)
  const value = (name: string): string => {
    const found = values.get(name)
    if (found === undefined) throw badLock(`a line ${name}=`, stdout)
    return found
  }
  const state = value('state')
  const epoch = value('epoch')
  if (!/^\d{1,15}$/.test(epoch)) throw badLock('a number as epoch', epoch)
  const nobody = { epoch: Number(epoch), holder: undefined }
  if (state === 'free') return nobody
  if (state === 'damaged') return { ...nobody, isDamaged: true }
  if (state !== 'held' && state !== 'expired') throw badLock('free, held, expired or damaged', state)
  const left = value('left')
  if (!/^-?\d{1,15}$/.test(left)) throw badLock('a number as what is left', left)
  const expiresInS = Number(left) / 100
  return {
    epoch: Number(epoch),
    holder: {
      token: value('token'),
      who: oneLine(value('who')),
      host: oneLine(value('host')),
      command: oneLine(value('command')),
      since: oneLine(value('since')),
      process: oneLine(value('process')),
      expiresInS: state === 'held' ? expiresInS : Math.min(0, expiresInS),
    },
  }
}

/** Why a node refused: the lock is somebody else's (`held`), the epoch is another one (`moved`), ours has expired or was given back (`expired`), or a command that holds its flock does not end (`busy`). */
export type LockRefusal = 'held' | 'moved' | 'expired' | 'busy'

/** The reason in the answer of a node that refused; undefined for anything else. */
export function parseLockRefusal(stdout: string): LockRefusal | undefined {
  const reason = lockLines(stdout).get('reason')
  return reason === 'held' || reason === 'moved' || reason === 'expired' || reason === 'busy' ? reason : undefined
}

function lockLines(stdout: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of stdout.split('\n')) {
    const [, name, value] = /^fleet-lock ([a-z]+)=([^]*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) values.set(name, value)
  }
  return values
}

function badLock(expected: string, found: string): FleetError {
  return new FleetError(
    'FLEET_NODE_BAD_LOCK',
    `expected ${expected} in what the node says of its operator lock, got ${JSON.stringify(found.slice(0, 300))}`,
    { remedy: 'look whether the login shell of the node prints something, and at etc/epoch there' },
  )
}
