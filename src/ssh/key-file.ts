// Identity files: a private key, or the public half of one that an agent holds. Like ssh(1) we refuse a private key that others
// can read, and find a missing or locked key's public half in FILE.pub.
import { readFile, stat } from 'node:fs/promises'
import type { ParsedKey } from 'ssh2'
import { messageOf, type FleetError, type Secret } from '../core/index.ts'
import { parseKey } from './parse-key.ts'
import { keyFileError } from './auth-error.ts'
import { keyTypeOf } from './fingerprint.ts'
import { codeOf } from './ssh-error.ts'

export type KeyFile =
  | { readonly kind: 'usable'; readonly path: string; readonly key: ParsedKey }
  /** Needs a passphrase. `blob`: its public key, if it is known without one. */
  | {
      readonly kind: 'locked'
      readonly path: string
      readonly blob: Buffer | undefined
      unlock(passphrase: Secret): ParsedKey
    }
  /** Only the public key is there: good for choosing among an agent's keys. */
  | { readonly kind: 'public'; readonly path: string; readonly blob: Buffer }
  | { readonly kind: 'unusable'; readonly path: string; readonly error: FleetError }

/** Never throws: what is wrong with a file is a value, because another key may do. */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const unusable = (found: string, remedy: string, cause?: unknown): KeyFile => {
    return { kind: 'unusable', path, error: keyFileError(path, found, remedy, cause) }
  }
  let text: Buffer
  let openTo: number | undefined
  try {
    const { mode, uid, size } = await stat(path)
    if (size > MAX_BYTES) return unusable(`it has ${size} bytes`, 'name a private key file')
    if ((mode & 0o077) !== 0 && uid === process.getuid?.()) openTo = mode & 0o777
    text = await readFile(path)
  } catch (error) {
    const blob = codeOf(error) === 'ENOENT' ? await publicHalf(path) : undefined
    if (blob !== undefined) return { kind: 'public', path, blob }
    const found = codeOf(error) === 'ENOENT' ? 'there is no such file' : `it cannot be read: ${messageOf(error)}`
    return unusable(found, 'correct the identity in the inventory, or the permissions of the file', error)
  }
  const blob = publicLine(text)
  if (blob !== undefined) return { kind: 'public', path, blob }
  if (openTo !== undefined)
    return unusable(`others may read it (mode ${openTo.toString(8).padStart(4, '0')})`, `chmod 600 ${path}`)
  const shown = publicPart(text) ?? (await publicHalf(path))
  const type = shown === undefined ? undefined : keyTypeOf(shown)
  if (type?.startsWith('sk-') === true)
    return unusable(`it is a FIDO key (${type}), which fleet cannot use in this version`, 'name another key')
  const key = parseKey(text)
  if (!(key instanceof Error)) return { kind: 'usable', path, key }
  if (!/encrypted/i.test(key.message))
    return unusable(`it is not one that can be read: ${key.message}`, `convert it: ssh-keygen -p -f ${path}`, key)
  return { kind: 'locked', path, blob: shown, unlock: (passphrase) => unlock(text, passphrase) }
}

/** The path of the certificate that ssh(1) would present with this identity, if there is one. */
export async function certificateBeside(path: string): Promise<string | undefined> {
  const certificate = `${path.replace(/\.pub$/, '')}-cert.pub`
  try {
    await stat(certificate)
    return certificate
  } catch {
    return undefined
  }
}

/** A key of 16,384 bits has about 13,000. */
const MAX_BYTES = 1024 * 1024

/** Throws when the passphrase is wrong. */
function unlock(text: Buffer, passphrase: Secret): ParsedKey {
  const key = parseKey(text, passphrase.reveal())
  if (key instanceof Error) throw new Error('the passphrase does not open it', { cause: key })
  return key
}

async function publicHalf(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(`${path}.pub`)
    return size > MAX_BYTES ? undefined : publicLine(await readFile(`${path}.pub`))
  } catch {
    return undefined
  }
}

/** The key in `ssh-ed25519 AAAA... comment`. */
function publicLine(text: Buffer): Buffer | undefined {
  const [type, base64 = ''] = text.toString('latin1').trimStart().split(/\s+/, 2)
  const blob = Buffer.from(base64, 'base64')
  return type !== undefined && keyTypeOf(blob) === type ? blob : undefined
}

const MAGIC = 'openssh-key-v1\0'

/** OpenSSH's format keeps the public key readable (PROTOCOL.key in its sources): magic, cipher, kdf, kdf options, count, public key. */
function publicPart(text: Buffer): Buffer | undefined {
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
