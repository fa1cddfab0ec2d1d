// What a server offers for the key exchange (RFC 4253 7.1), read from its first packet, so that a server ssh2 cannot talk to is told
// why, by name. Pure; only looked at once something went wrong.

export interface KeyExchangeOffer {
  readonly keyExchanges: readonly string[]
  readonly hostKeys: readonly string[]
  readonly ciphers: readonly string[]
  readonly macs: readonly string[]
}

export interface Mismatch {
  readonly found: string
  readonly remedy: string
}

const MSG_KEXINIT = 20
const COOKIE_BYTES = 16

/** Undefined when `payload` is no KEXINIT. */
function parseKeyExchangeOffer(payload: Buffer): KeyExchangeOffer | undefined {
  if (payload[0] !== MSG_KEXINIT) return undefined
  let at = 1 + COOKIE_BYTES
  const list = (): readonly string[] => {
    const size = at + 4 <= payload.length ? payload.readUInt32BE(at) : 0
    const names = payload.toString('latin1', at + 4, Math.min(payload.length, at + 4 + size))
    at += 4 + size
    return names.split(',').filter((name) => /^[\x21-\x7e]{1,100}$/.test(name))
  }
  const keyExchanges = list().filter((name) => !/^(ext-info-|kex-strict-)/.test(name))
  const hostKeys = list()
  const clientToServer = list()
  const ciphers = [...new Set([...clientToServer, ...list()])]
  const macs = [...new Set([...list(), ...list()])]
  return { keyExchanges, hostKeys, ciphers, macs }
}

/** `message`: ssh2's, which says what did not match. `payload`: the server's KEXINIT, as far as it came. */
export function explainMismatch(message: string, payload: Buffer | undefined): Mismatch {
  const offer = payload === undefined ? undefined : parseKeyExchangeOffer(payload)
  if (offer === undefined) return { found: message, remedy: REMEDY }
  if (/key exchange/i.test(message)) return ofKeyExchange(offer.keyExchanges)
  if (/host key/i.test(message)) return ofHostKey(offer.hostKeys)
  if (/cipher/i.test(message)) return ofNames('cipher', offer.ciphers, 'aes256-gcm@openssh.com to Ciphers')
  if (/mac/i.test(message)) return ofNames('MAC', offer.macs, 'hmac-sha2-256-etm@openssh.com to MACs')
  return { found: message, remedy: REMEDY }
}

const REMEDY = 'allow curve25519-sha256, an ed25519 or RSA (SHA-2) host key and an AES cipher in sshd_config there'

function ofKeyExchange(names: readonly string[]): Mismatch {
  const isPostQuantum = (name: string): boolean => /^(sntrup|mlkem|.*kyber)/i.test(name)
  if (names.length > 0 && names.every(isPostQuantum)) {
    return {
      found: `it offers only post-quantum key exchange (${shown(names)}), which fleet cannot do yet`,
      remedy: 'add curve25519-sha256 to KexAlgorithms in sshd_config there',
    }
  }
  return ofNames('key exchange', names, 'curve25519-sha256 to KexAlgorithms')
}

function ofHostKey(names: readonly string[]): Mismatch {
  const remedy =
    'give it an ed25519 host key: ssh-keygen -A there, and HostKey /etc/ssh/ssh_host_ed25519_key in sshd_config'
  if (names.length > 0 && names.every((name) => name.includes('-cert-v01@')))
    return { found: `it offers only host certificates (${shown(names)}), which fleet cannot check yet`, remedy }
  if (names.length > 0 && names.every((name) => name === 'ssh-rsa' || name === 'ssh-dss'))
    return { found: `it offers only host keys with SHA-1 signatures (${shown(names)}), which are not safe`, remedy }
  return { found: `it offers host keys of these types only: ${shown(names)}`, remedy }
}

function ofNames(what: string, names: readonly string[], add: string): Mismatch {
  return { found: `for ${what} it offers only ${shown(names)}`, remedy: `add ${add} in sshd_config there` }
}

function shown(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.slice(0, 20).join(', ')
}
