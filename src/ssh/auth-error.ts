// What went wrong with keys, passwords and the server's answer to them.
import { FleetError } from '../core/index.ts'
import { placeOf } from './place.ts'
import type { Target } from './transport.ts'

export interface AuthFailure {
  /** What was offered, in order. */
  readonly offered: readonly string[]
  /** What the server said it would take, if it said. */
  readonly accepted: readonly string[]
  /** Keys that did not fit into sshd's limit of tries. */
  readonly leftOut: { readonly agentKeys: number; readonly files: number }
  /** What could not be used, each with its reason. */
  readonly unusable: readonly string[]
  /** Kinds of keys and methods that fleet cannot do, one sentence each. */
  readonly notes: readonly string[]
  /** What was accepted, though it was not enough. */
  readonly passed?: readonly string[]
  /** A prompt that fleet does not answer, or why a password was not sent. */
  readonly obstacle?: string | undefined
  /** The words with which the server hung up. */
  readonly said?: string | undefined
  readonly cause: unknown
}

export function authError(target: Target, failure: AuthFailure): FleetError {
  const { offered, accepted, leftOut, unusable, passed = [] } = failure
  const parts = isUndialled(failure)
    ? [`expected a key or a password to offer to ${placeOf(target)}, found none`]
    : [
        `expected ${placeOf(target)} to let us in, it refused`,
        offered.length === 0 ? 'there was no key to offer' : `offered ${offered.join(', ')}`,
      ]
  if (passed.length > 0) parts.push(`it accepted ${passed.join(', ')} and asked for more`)
  if (failure.said !== undefined) parts.push(`it hung up with ${JSON.stringify(failure.said)}`)
  if (failure.obstacle !== undefined) parts.push(failure.obstacle)
  if (leftOut.agentKeys > 0) parts.push(`${leftOut.agentKeys} more agent keys were not offered (MaxAuthTries is 6)`)
  if (leftOut.files > 0) parts.push(`${leftOut.files} more key files were not offered (MaxAuthTries is 6)`)
  if (accepted.length > 0) parts.push(`the server accepts ${accepted.join(', ')}`)
  if (unusable.length > 0) parts.push(`not usable: ${[...new Set(unusable)].join('; ')}`)
  parts.push(...new Set([...failure.notes, ...unsupported(accepted), ...(target.notes ?? [])]))
  return new FleetError('FLEET_SSH_AUTH', parts.join('; '), {
    remedy: remedyFor(target, failure),
    cause: failure.cause,
  })
}

export function keyFileError(path: string, found: string, remedy: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_SSH_KEY_FILE', `expected a usable private key in ${path}, ${found}`, { remedy, cause })
}

const SUPPORTED = ['publickey', 'keyboard-interactive', 'password', 'none']

/** Methods are named only when the server takes nothing else. */
function unsupported(accepted: readonly string[]): readonly string[] {
  if (accepted.length === 0 || accepted.some((method) => SUPPORTED.includes(method))) return []
  return [`fleet cannot log in with ${accepted.join(' or ')} in this version`]
}

/** Every server says what it would take before it refuses for good. */
function isUndialled({ offered, accepted, said }: AuthFailure): boolean {
  return offered.length + accepted.length === 0 && said === undefined
}

function remedyFor(target: Target, failure: AuthFailure): string {
  const { offered, accepted, leftOut, said, obstacle } = failure
  const isTooMany = leftOut.agentKeys + leftOut.files > 0 || /too many/i.test(said ?? '')
  if (isTooMany)
    return `name the one key that the node knows: identity: FILE in the inventory, with IdentitiesOnly yes for ${target.address} in ssh_config`
  if (obstacle !== undefined) return 'log in with a key, or let the node take the password alone'
  const takesKeys = accepted.length === 0 || accepted.includes('publickey')
  const takesPassword =
    isUndialled(failure) || accepted.includes('password') || accepted.includes('keyboard-interactive')
  const isPasswordTried = offered.some((label) => SUPPORTED.includes(label))
  if (isPasswordTried)
    return `check the password of ${target.user} on the node; it is not tried again, because nodes lock out who guesses`
  const key = `put a public key of yours into ~${target.user}/.ssh/authorized_keys on the node, or name the right user or identity in the inventory`
  if (takesPassword) return takesKeys ? `${key}; with a password: --ask-password` : 'give the password: --ask-password'
  return key
}
