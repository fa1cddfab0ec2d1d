// What known_hosts calls a server. Behind a hop it is the name of the server itself, as for ssh: the hop is only the way.
import type { Target } from './transport.ts'

export interface HostNames {
  /** Lines for this name decide; a new key is recorded under it. Lower case. */
  readonly own: string
  /**
   * `host` for a server that is `[host]:port`. A key recorded for it is good when `own` has none, as for ssh
   * (sshconnect.c, "checking without port identifier"). That is safe: the server has proven that it holds the key of the
   * very machine that the user knows by this name, and another key there says nothing about this port.
   */
  readonly withoutPort: string | undefined
}

/** An alias stands for address and port (ssh_config(5), HostKeyAlias). */
export function hostNames({ address, port, hostKeys }: Pick<Target, 'address' | 'port' | 'hostKeys'>): HostNames {
  if (hostKeys?.alias !== undefined) return { own: hostKeys.alias.toLowerCase(), withoutPort: undefined }
  return { own: hostName(address, port), withoutPort: port === 22 ? undefined : hostName(address, 22) }
}

/** The name under which a server is recorded: `host` on port 22, else `[host]:port`; lower case, as OpenSSH writes it. */
export function hostName(address: string, port: number): string {
  const host = address.toLowerCase()
  return port === 22 ? host : `[${host}]:${port}`
}

/** False for a name that a line of known_hosts cannot hold, or that would mean more than itself there (`*`, `a,b`, `@revoked`). */
export function isRecordable(name: string): boolean {
  return /^[^\s\p{Cc}*?!,|@#]+$/u.test(name)
}
