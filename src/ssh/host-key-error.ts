// Why a host key is refused, in words: the server, both fingerprints, the lines, and the command that mends it.
import { FleetError } from '../core/index.ts'
import { fingerprintOf, keyTypeOf } from './fingerprint.ts'
import { hostNames } from './host-name.ts'
import type { Verdict } from './host-key-verdict.ts'
import type { KnownHostsLine } from './known-hosts-line.ts'
import { placeOf } from './place.ts'
import type { Target } from './transport.ts'

/** Undefined when the connection may go on: the key is trusted, or new and to be recorded. */
export function hostKeyRefusal(
  target: Target,
  blob: Buffer,
  verdict: Verdict,
  acceptNew: boolean,
): FleetError | undefined {
  const shown = `${keyTypeOf(blob) ?? 'unknown type'} ${fingerprintOf(blob)}`
  switch (verdict.kind) {
    case 'trusted':
      return undefined
    case 'unknown':
      return acceptNew && verdict.broken.length === 0 ? undefined : unknownKeyError(target, shown, verdict)
    case 'changed':
      return new FleetError(
        'FLEET_SSH_HOST_KEY_CHANGED',
        `expected ${placeOf(target)} to show a key that is known for it (${verdict.known.map(describe).join('; ')}), it showed ${shown}`,
        {
          remedy: `find out why: a reinstalled node, or somebody in between. Only when the new fingerprint is confirmed on the node, ${removal(hostNames(target).own, verdict.known)}, and run fleet push --accept-new`,
        },
      )
    case 'revoked':
      return new FleetError(
        'FLEET_SSH_HOST_KEY_REVOKED',
        `expected ${placeOf(target)} to show a valid key, it showed ${shown}, which is revoked at ${where(verdict.line)}`,
        { remedy: 'do not use this node until it has new host keys' },
      )
  }
}

function unknownKeyError(
  target: Target,
  shown: string,
  { authorities, broken }: Verdict & { readonly kind: 'unknown' },
): FleetError {
  const parts = [
    `expected a known host key for ${placeOf(target)}, none is recorded as ${hostNames(target).own}; it showed ${shown}`,
  ]
  if (authorities.length > 0)
    parts.push(`@cert-authority lines (${authorities.map(where).join(', ')}) are not supported`)
  if (broken.length > 0)
    parts.push(
      `lines about it that cannot be read and have to be mended first: ${broken.map((line) => `${where(line)}: ${line.why}`).join(', ')}`,
    )
  return new FleetError('FLEET_SSH_HOST_KEY_UNKNOWN', parts.join('; '), {
    remedy:
      'compare the fingerprint with: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done (on the node); if it is the same: fleet push --accept-new',
  })
}

/** ssh-keygen -R takes whole lines away, so it is no remedy where a line is about other hosts too. */
function removal(name: string, lines: readonly KnownHostsLine[]): string {
  const ways = [...Map.groupBy(lines, ({ file }) => file)].map(([file, inFile]) =>
    inFile.every(({ names }) => names.startsWith('|') || names.toLowerCase() === name)
      ? `remove the old key with: ssh-keygen -R ${quote(name)} -f ${quote(file)}`
      : `take ${name} out of ${inFile.map(where).join(', ')} by hand, which is about other hosts too`,
  )
  return ways.join('; ')
}

function quote(word: string): string {
  return /^[\w./:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

function describe(line: KnownHostsLine): string {
  return `${line.keyType} ${fingerprintOf(line.blob)} at ${where(line)}`
}

function where(line: { readonly file: string; readonly number: number }): string {
  return `${line.file}:${line.number}`
}
