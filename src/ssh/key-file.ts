// Private key files. A key file is read before anything is dialled, so that no server's login timer runs while a person types a
// passphrase. Like ssh(1) we refuse a key that others can read.
import { readFile, stat } from 'node:fs/promises'
import type { ParsedKey } from 'ssh2'
import { messageOf, type FleetError, type Secret } from '../core/index.ts'
import { parseKey } from './parse-key.ts'
import { codeOf, keyFileError } from './ssh-error.ts'

export type KeyFile =
  | { readonly kind: 'usable'; readonly path: string; readonly key: ParsedKey }
  /** Needs a passphrase. `blob`: its public key, if the file shows it without one. */
  | {
      readonly kind: 'locked'
      readonly path: string
      readonly blob: Buffer | undefined
      unlock(passphrase: Secret): ParsedKey
    }
  | { readonly kind: 'unusable'; readonly path: string; readonly error: FleetError }

/** Never throws: what is wrong with a file is a value, because another key may do. */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const unusable = (found: string, remedy: string, cause?: unknown): KeyFile => {
    return { kind: 'unusable', path, error: keyFileError(path, found, remedy, cause) }
  }
  let text: Buffer
  try {
    const { mode, uid } = await stat(path)
    if ((mode & 0o077) !== 0 && uid === process.getuid?.()) {
      return unusable(`others may read it (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`, `chmod 600 ${path}`)
    }
    text = await readFile(path)
  } catch (error) {
    const found = codeOf(error) === 'ENOENT' ? 'there is no such file' : `it cannot be read: ${messageOf(error)}`
    return unusable(found, 'correct the identity in the inventory, or the permissions of the file', error)
  }
  const key = parseKey(text)
  if (!(key instanceof Error)) {
    if (key.isPrivateKey()) return { kind: 'usable', path, key }
    return unusable('it holds a public key', 'name the private key, usually the same name without .pub')
  }
  if (!/encrypted/i.test(key.message))
    return unusable(`it is not one that can be read: ${key.message}`, 'convert it: ssh-keygen -p -f FILE', key)
  return { kind: 'locked', path, blob: publicBlobOf(text), unlock: (passphrase) => unlock(text, passphrase) }
}

/** Throws when the passphrase is wrong. */
function unlock(text: Buffer, passphrase: Secret): ParsedKey {
  const key = parseKey(text, passphrase.reveal())
  if (key instanceof Error) throw new Error('the passphrase does not open it', { cause: key })
  return key
}

const MAGIC = 'openssh-key-v1\0'

/** OpenSSH's format keeps the public key readable (PROTOCOL.key in its sources): magic, cipher, kdf, kdf options, count, public key. */
function publicBlobOf(text: Buffer): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text.toString('latin1'))?.[1]
  if (body === undefined) return undefined
  const bytes = Buffer.from(body, 'base64')
  if (!bytes.toString('latin1').startsWith(MAGIC)) return undefined
  let at = MAGIC.length
  const field = (): Buffer | undefined => {
    if (at + 4 > bytes.length) return undefined
    const start = at + 4
    at = start + bytes.readUInt32BE(at)
    return at > bytes.length ? undefined : bytes.subarray(start, at)
  }
  for (let skipped = 0; skipped < 3; skipped += 1) if (field() === undefined) return undefined
  at += 4
  return field()
}
