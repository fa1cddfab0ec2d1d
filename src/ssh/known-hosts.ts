// The host keys that this user trusts, in OpenSSH's format (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Pure: text in, verdict
// out. ssh2 has no idea of known_hosts and accepts every key by itself, so this file is what stands between the fleet and
// a stranger. What always holds: a key is trusted only if a line for this very name holds this very key, no @revoked
// line for the name holds it, and a name that has keys never gains another one by itself.
import { createHmac } from 'node:crypto'
import { keyTypeOf } from './fingerprint.ts'
import { matchesPatterns } from './host-pattern.ts'

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
  /** What stands where the names should. */
  readonly names: string
  readonly why: string
}

export interface KnownHosts {
  readonly lines: readonly KnownHostsLine[]
  /** Lines that could not be read. They trust nobody, and their names gain no new key before somebody has mended them. */
  readonly broken: readonly BrokenLine[]
}

export type Verdict =
  | { readonly kind: 'trusted' }
  /** Nothing is known about this name. `authorities`: lines with a certificate authority for it, which are not supported. */
  | {
      readonly kind: 'unknown'
      readonly authorities: readonly KnownHostsLine[]
      readonly broken: readonly BrokenLine[]
    }
  /** The name has other keys; `known` are their lines, those of the same type first. */
  | { readonly kind: 'changed'; readonly known: readonly [KnownHostsLine, ...KnownHostsLine[]] }
  | { readonly kind: 'revoked'; readonly line: KnownHostsLine }

export function parseKnownHosts(text: string, file: string): KnownHosts {
  const lines: KnownHostsLine[] = []
  const broken: BrokenLine[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const parsed = parseLine(line, file, index + 1)
    if ('why' in parsed) broken.push(parsed)
    else lines.push(parsed)
  }
  return { lines, broken }
}

/** What known_hosts says about `blob` for the server at `address` and `port`. Only the name that was dialled counts. */
export function judgeHostKey(known: KnownHosts, address: string, port: number, blob: Buffer): Verdict {
  const { lines: here, broken } = knownFor(known, address, port)
  const revoked = here.find((line) => line.kind === 'revoked' && line.blob.equals(blob))
  if (revoked !== undefined) return { kind: 'revoked', line: revoked }
  const trusted = here.filter((line) => line.kind === 'trusted')
  if (trusted.some((line) => line.blob.equals(blob))) return { kind: 'trusted' }
  const type = keyTypeOf(blob)
  const [first, ...rest] = trusted.toSorted((a, b) => Number(b.keyType === type) - Number(a.keyType === type))
  // OpenSSH calls a new key type for a known name "unknown". The known types were asked for first, so a server that
  // comes with another one has lost its old key, or is another server.
  if (first !== undefined) return { kind: 'changed', known: [first, ...rest] }
  return { kind: 'unknown', authorities: here.filter((line) => line.kind === 'authority'), broken }
}

/** The part that is about one server. */
export function knownFor(known: KnownHosts, address: string, port: number): KnownHosts {
  const name = hostName(address, port)
  const isAbout = ({ names }: { readonly names: string }): boolean => namesMatch(names, name)
  return { lines: known.lines.filter(isAbout), broken: known.broken.filter(isAbout) }
}

/** The types of the keys that are trusted for a server, in the order of the file, each once. */
export function trustedKeyTypes(known: KnownHosts, address: string, port: number): readonly string[] {
  const trusted = knownFor(known, address, port).lines.filter((line) => line.kind === 'trusted')
  return [...new Set(trusted.map((line) => line.keyType))]
}

/** The name under which a server is recorded: `host` on port 22, else `[host]:port`; lower case, as OpenSSH writes it. */
export function hostName(address: string, port: number): string {
  const host = address.toLowerCase()
  return port === 22 ? host : `[${host}]:${port}`
}

/** A line to add, without a newline. */
export function knownHostsLine(address: string, port: number, blob: Buffer): string {
  return `${hostName(address, port)} ${keyTypeOf(blob) ?? 'unknown'} ${blob.toString('base64')}`
}

function namesMatch(names: string, name: string): boolean {
  if (!names.startsWith('|')) return matchesPatterns(names.split(','), name)
  const [, , salt, hash] = names.split('|')
  return salt !== undefined && createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}

function parseLine(line: string, file: string, number: number): KnownHostsLine | BrokenLine {
  const fields = line.split(/[ \t]+/)
  const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined
  const kind = marker === undefined ? 'trusted' : MARKERS.get(marker)
  const [names = '', keyType, base64] = fields
  const broken = (why: string): BrokenLine => ({ file, number, names, why })
  if (kind === undefined) return broken(`unknown marker ${JSON.stringify(marker)}`)
  if (keyType === undefined || base64 === undefined) return broken('expected: names, key type, key')
  if (names.startsWith('|') && !HASHED_NAME.test(names)) return broken('expected |1|salt|hash')
  const blob = Buffer.from(base64, 'base64')
  if (blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) return broken('the key is not base64')
  if (keyTypeOf(blob) !== keyType)
    return broken(`the key is not of the type ${JSON.stringify(keyType)} that the line names`)
  return { file, number, kind, names, keyType, blob }
}

const HASHED_NAME = /^\|1\|[A-Za-z0-9+/]+=*\|[A-Za-z0-9+/]{27}=$/

const MARKERS: ReadonlyMap<string, KnownHostsLine['kind']> = new Map([
  ['@revoked', 'revoked'],
  ['@cert-authority', 'authority'],
])
