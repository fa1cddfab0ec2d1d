// Public keys as SSH carries them (RFC 4253 6.6): a blob that begins with its own type, and the short form people compare.
import { createHash } from 'node:crypto'

/** `SHA256:` and base64 without padding, as ssh-keygen -l prints it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/** `ssh-ed25519` and so on; undefined when the blob does not begin with a plausible type. */
export function keyTypeOf(blob: Buffer): string | undefined {
  if (blob.length < 4) return undefined
  const length = blob.readUInt32BE(0)
  if (length === 0 || length > 64 || blob.length < 4 + length) return undefined
  const type = blob.toString('latin1', 4, 4 + length)
  return /^[\x21-\x7e]+$/.test(type) ? type : undefined
}
