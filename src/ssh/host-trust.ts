// Decides for one connection whether the server is the one we know, and records a new one when that was asked for. The
// record is written only after the server has proven that it holds the key (the handshake is complete).
import { FleetError } from '../core/index.ts'
import { fingerprintOf, keyTypeOf } from './fingerprint.ts'
import { appendKnownHost, readKnownHosts } from './known-hosts-file.ts'
import {
  judgeHostKey,
  knownFor,
  trustedKeyTypes,
  type BrokenLine,
  type KnownHostsLine,
  type Verdict,
} from './known-hosts.ts'
import { placeOf } from './place.ts'
import type { Target } from './transport.ts'

export interface KnownHostsOptions {
  /** Absolute paths, all are read; new keys go to the first. */
  readonly files: readonly string[]
  /** Record the key of a server that has none yet. A changed or revoked key is refused all the same. */
  readonly acceptNew: boolean
}

/** One server's keys as known before dialling. */
export interface HostTrust {
  /** Types of the keys we know, to be asked for first. */
  readonly keyTypes: readonly string[]
  /** Why `blob` cannot be trusted, or undefined when it can. */
  refusal(blob: Buffer): FleetError | undefined
  /** Records `blob` if it is new. To be called once the server has proven the key. Throws FLEET_SSH_KNOWN_HOSTS. */
  record(blob: Buffer): Promise<void>
}

export interface TrustStore {
  /** Throws FLEET_SSH_KNOWN_HOSTS when a file is there but cannot be read. */
  look(target: Target): Promise<HostTrust>
}

export function createTrustStore(options: KnownHostsOptions): TrustStore {
  // One at a time, so that fifty connections to one new server leave one line.
  let lastRecord: Promise<void> = Promise.resolve()

  const record = async (target: Target, blob: Buffer): Promise<void> => {
    const verdict = judgeHostKey(await readKnownHosts(options.files), target.address, target.port, blob)
    if (verdict.kind === 'trusted') return
    const refusal = refusalOf(target, blob, verdict, options.acceptNew)
    if (refusal !== undefined) throw refusal
    const [file] = options.files
    if (file === undefined)
      throw new FleetError('FLEET_SSH_KNOWN_HOSTS', 'expected a known_hosts file for new host keys, none is configured')
    await appendKnownHost(file, target.address, target.port, blob)
  }

  return {
    look: async (target) => {
      const known = knownFor(await readKnownHosts(options.files), target.address, target.port)
      return {
        keyTypes: trustedKeyTypes(known, target.address, target.port),
        refusal: (blob) =>
          refusalOf(target, blob, judgeHostKey(known, target.address, target.port, blob), options.acceptNew),
        record: (blob) => {
          if (judgeHostKey(known, target.address, target.port, blob).kind === 'trusted') return Promise.resolve()
          const mine = lastRecord.then(() => record(target, blob))
          lastRecord = mine.catch(() => undefined)
          return mine
        },
      }
    },
  }
}

function refusalOf(target: Target, blob: Buffer, verdict: Verdict, acceptNew: boolean): FleetError | undefined {
  const shown = `${keyTypeOf(blob) ?? 'unknown type'} ${fingerprintOf(blob)}`
  switch (verdict.kind) {
    case 'trusted':
      return undefined
    case 'unknown':
      return acceptNew && verdict.broken.length === 0
        ? undefined
        : unknownKeyError(target, shown, verdict.authorities, verdict.broken)
    case 'changed':
      return new FleetError(
        'FLEET_SSH_HOST_KEY_CHANGED',
        `expected ${placeOf(target)} to show a key that is known for it (${verdict.known.map(describe).join('; ')}), it showed ${shown}`,
        {
          remedy: `find out why: a reinstalled node, or somebody in between. Only when the new fingerprint is confirmed on the node, remove ${whereAll(verdict.known)} and run fleet push --accept-new`,
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
  authorities: readonly KnownHostsLine[],
  broken: readonly BrokenLine[],
): FleetError {
  const parts = [`expected a known host key for ${placeOf(target)}, none is recorded; it showed ${shown}`]
  if (authorities.length > 0) parts.push(`@cert-authority lines (${whereAll(authorities)}) are not supported`)
  if (broken.length > 0)
    parts.push(
      `lines about it that cannot be read and have to be mended first: ${broken.map((line) => `${where(line)}: ${line.why}`).join(', ')}`,
    )
  return new FleetError('FLEET_SSH_HOST_KEY_UNKNOWN', parts.join('; '), {
    remedy:
      'compare the fingerprint with: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done (on the node); if it is the same: fleet push --accept-new',
  })
}

function describe(line: KnownHostsLine): string {
  return `${line.keyType} ${fingerprintOf(line.blob)} at ${where(line)}`
}

function where(line: { readonly file: string; readonly number: number }): string {
  return `${line.file}:${line.number}`
}

function whereAll(lines: readonly KnownHostsLine[]): string {
  return lines.map(where).join(', ')
}
