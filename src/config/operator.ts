// Who works here, and with which keys, when neither inventory nor command line says otherwise.
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { loginName } from '../core/index.ts'

export interface Operator {
  readonly user: string
  /** Absolute. */
  readonly home: string
  /** Absolute paths of the private keys that are offered when none is configured. */
  readonly identities: readonly string[]
  /** Path of the agent's socket (SSH_AUTH_SOCK), if there is one. */
  readonly agent: string | undefined
}

/** The keys that OpenSSH's client tries as well (ssh_config(5), IdentityFile) and that ssh2 can read. */
const KEY_NAMES = ['id_ed25519', 'id_ecdsa', 'id_rsa']

/** The person at this machine, with those of the usual keys that exist. */
export function currentOperator(): Operator {
  const home = homedir()
  const identities = KEY_NAMES.map((name) => join(home, '.ssh', name)).filter((file) => existsSync(file))
  const agent = process.env['SSH_AUTH_SOCK']
  return { user: loginName(), home, identities, agent: agent === '' ? undefined : agent }
}
