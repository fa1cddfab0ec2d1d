// The variables of an Ansible inventory that mean something to fleet. All others are nobody's business here.
import type { Place } from '../problem.ts'

export interface Variable {
  readonly name: string
  /** As it was written; VAULT for a value that is encrypted. */
  readonly value: unknown
  readonly file: string
  readonly place: Place
  /** `host`, `group NAME` or `host_vars`, for `fleet hosts`. */
  readonly layer: string
}

/**
 * Old and new names of one thing, the strongest last: Ansible's plugins/connection/ssh.py lists them in this order, and the last one that is
 * set in any layer wins.
 */
export const SYNONYMS = {
  address: ['ansible_host', 'ansible_ssh_host'],
  port: ['ansible_port', 'ansible_ssh_port'],
  user: ['ansible_user', 'ansible_ssh_user'],
  identity: ['ansible_private_key_file', 'ansible_ssh_private_key_file'],
  slots: ['fleet_slots'],
  root: ['fleet_root'],
  pool: ['fleet_pool'],
} as const

/** Arguments for ssh, in the order in which Ansible puts them on its command line. */
export const ARGUMENTS = ['ansible_ssh_args', 'ansible_ssh_common_args', 'ansible_ssh_extra_args'] as const

/** What Ansible would do with them, fleet does in another way or not at all; said once for the whole inventory. */
export const NOT_HONOURED = {
  ansible_password: 'passwords are asked for, or read from a file descriptor or the environment',
  ansible_ssh_pass: 'passwords are asked for, or read from a file descriptor or the environment',
  ansible_ssh_password: 'passwords are asked for, or read from a file descriptor or the environment',
  ansible_host_key_checking: 'host keys are always checked; --accept-new takes those of new nodes',
  ansible_ssh_host_key_checking: 'host keys are always checked; --accept-new takes those of new nodes',
  ansible_ssh_executable: 'fleet speaks SSH itself',
  ansible_ssh_pkcs11_provider: 'keys on PKCS#11 tokens are used through an agent only',
} as const

export type Variables = Map<string, Variable>

const NEEDED: ReadonlySet<string> = new Set([
  ...Object.values(SYNONYMS).flat(),
  ...ARGUMENTS,
  ...Object.keys(NOT_HONOURED),
  'ansible_connection',
  'fleet_via',
])

export function isNeeded(name: string): boolean {
  return NEEDED.has(name)
}
