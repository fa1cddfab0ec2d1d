// One line of known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): [marker] names key-type key [comment].
import { keyTypeOf } from './fingerprint.ts'

export interface KnownHostsLine {
  readonly file: string
  /** From 1. */
  readonly number: number
  readonly kind: 'trusted' | 'revoked' | 'authority'
  /** Comma-separated patterns, or one hashed name. */
  readonly names: string
  readonly keyType: string
  readonly blob: Buffer
}

export interface BrokenLine {
  readonly file: string
  readonly number: number
  readonly why: string
}

/** What stands where the names should; undefined for a line that is empty or a comment. `line`: without space at its ends. */
export function namesOfLine(line: string): string | undefined {
  return line === '' || line.startsWith('#') ? undefined : /^(?:@[^ \t]*[ \t]+)?([^ \t]*)/.exec(line)?.[1]
}

/** `line`: without space at its ends, neither empty nor a comment. */
export function parseKnownHostsLine(line: string, file: string, number: number): KnownHostsLine | BrokenLine {
  const fields = line.split(/[ \t]+/)
  const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined
  const kind = marker === undefined ? 'trusted' : MARKERS.get(marker)
  const [names, keyType, base64] = fields
  const broken = (why: string): BrokenLine => ({ file, number, why })
  if (kind === undefined) return broken(`unknown marker ${JSON.stringify(marker)}`)
  if (names === undefined || keyType === undefined || base64 === undefined)
    return broken('expected: names, key type, key')
  const blob = Buffer.from(base64, 'base64')
  if (blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) return broken('the key is not base64')
  if (keyTypeOf(blob) !== keyType)
    return broken(`the key is not of the type ${JSON.stringify(keyType)} that the line names`)
  return { file, number, kind, names, keyType, blob }
}

/** A line to add, without a newline. `name`: one that isRecordable. */
export function renderKnownHostsLine(name: string, blob: Buffer): string {
  return `${name} ${keyTypeOf(blob) ?? 'unknown'} ${blob.toString('base64')}`
}

const MARKERS: ReadonlyMap<string, KnownHostsLine['kind']> = new Map([
  ['@revoked', 'revoked'],
  ['@cert-authority', 'authority'],
])
