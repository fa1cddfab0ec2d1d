// Which host key algorithms are asked for, and in which order. A server with several keys shows only one: asking first for
// the types we know keeps a known server from looking like a stranger (as OpenSSH does, ssh_config(5), HostKeyAlgorithms).
import type { ServerHostKeyAlgorithm } from 'ssh2'

/** All that ssh2 can do, without SHA-1 (`ssh-rsa`, `ssh-dss`). */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const satisfies readonly ServerHostKeyAlgorithm[]

/** `knownTypes`: key types from known_hosts, where an RSA key is `ssh-rsa` whatever signs with it (RFC 8332). */
export function hostKeyAlgorithms(knownTypes: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string): boolean =>
    knownTypes.includes(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm)
  return ALGORITHMS.toSorted((a, b) => Number(isKnown(b)) - Number(isKnown(a)))
}
