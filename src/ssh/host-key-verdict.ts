// Whether the key that a server shows is the one we know. Pure. ssh2 has no idea of known_hosts and accepts every key by
// itself, so this is what stands between the fleet and a stranger. What always holds: a key is trusted only if a line for
// the server's name holds this very key and no @revoked line for the name does, and a name that has keys never gains
// another one by itself.
import { keyTypeOf } from './fingerprint.ts'
import type { HostNames } from './host-name.ts'
import type { BrokenLine, KnownHostsLine } from './known-hosts-line.ts'
import type { KnownHosts, LinesAbout } from './known-hosts.ts'

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

export function judgeHostKey(known: KnownHosts, names: HostNames, blob: Buffer): Verdict {
  const { own, plain } = lookUp(known, names)
  const here = [...own.lines, ...plain.lines]
  // Unlike ssh, which ignores it, a key that is revoked for `host` is no new key for `[host]:port`.
  const revoked = here.find((line) => line.kind === 'revoked' && line.blob.equals(blob))
  if (revoked !== undefined) return { kind: 'revoked', line: revoked }
  if (here.some((line) => isTrusted(line) && line.blob.equals(blob))) return { kind: 'trusted' }
  const type = keyTypeOf(blob)
  const ofType = (line: KnownHostsLine): number => Number(line.keyType === type)
  // A key of another type is a changed key too: the known types were asked for first, so this server has lost its old key,
  // or is another server.
  const [first, ...rest] = own.lines.filter(isTrusted).toSorted((a, b) => ofType(b) - ofType(a))
  if (first !== undefined) return { kind: 'changed', known: [first, ...rest] }
  return {
    kind: 'unknown',
    authorities: here.filter((line) => line.kind === 'authority'),
    broken: [...own.broken, ...plain.broken],
  }
}

/** The types of the keys that would be trusted, in the order of the files, each once. */
export function trustedKeyTypes(known: KnownHosts, names: HostNames): readonly string[] {
  const { own, plain } = lookUp(known, names)
  return [...new Set([...own.lines, ...plain.lines].filter(isTrusted).map((line) => line.keyType))]
}

/** `plain` is empty where the name with its port has keys, or is all there is. */
function lookUp(known: KnownHosts, names: HostNames): { readonly own: LinesAbout; readonly plain: LinesAbout } {
  const own = known.about(names.own)
  const isDecided = names.withoutPort === undefined || own.lines.some(isTrusted)
  return { own, plain: isDecided ? NOTHING : known.about(names.withoutPort) }
}

const NOTHING: LinesAbout = { lines: [], broken: [] }

function isTrusted({ kind }: KnownHostsLine): boolean {
  return kind === 'trusted'
}
