// Names that ssh-keygen -H (or HashKnownHosts) has hidden: `|1|salt|HMAC-SHA1 of the name with the salt as key`. Such a line
// can only be asked whether it is about a name, so a lookup asks every one of them.
import { hash } from 'node:crypto'

/** The salt as HMAC uses it (RFC 2104): the key, shorter than SHA-1's block of 64 bytes, in such a block under two masks. */
export interface HashedName {
  readonly inner: Uint8Array
  readonly outer: Uint8Array
  /** Base64. */
  readonly digest: string
}

/** Undefined when `text` is no hashed name as OpenSSH writes it. */
export function parseHashedName(text: string): HashedName | undefined {
  const [, base64, digest] = /^\|1\|([A-Za-z0-9+/]{27}=)\|([A-Za-z0-9+/]{27}=)$/.exec(text) ?? []
  if (base64 === undefined || digest === undefined) return undefined
  const salt = Buffer.from(base64, 'base64')
  return { inner: masked(salt, 0x36), outer: masked(salt, 0x5c), digest }
}

/** HMAC from two one-shot hashes: createHmac takes four times as long, and a large file is asked a hundred thousand times. */
export function isHashOf({ inner, outer, digest }: HashedName, name: Buffer): boolean {
  const first = hash('sha1', Buffer.concat([inner, name]), 'buffer')
  return hash('sha1', Buffer.concat([outer, first]), 'base64') === digest
}

function masked(key: Buffer, mask: number): Uint8Array {
  return Buffer.alloc(64, mask).map((byte, index) => byte ^ (key[index] ?? 0))
}
