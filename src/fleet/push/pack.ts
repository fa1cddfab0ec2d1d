// A pack: the bytes of one tar archive, made once and sent to every node that lacks the same things.
import type { Readable } from 'node:stream'

export type PackMember =
  | {
      readonly path: string
      /** Octal, for example 0o444. */
      readonly mode: number
      readonly sizeBytes: number
      /** The bytes themselves, or a file here, read from `fromByte` (default 0) to its end; `sizeBytes` is what is left from there. */
      readonly content: Buffer | { readonly file: string; readonly fromByte?: number }
    }
  | { readonly path: string; readonly linkTo: string }

export type Compression = 'none' | 'gzip' | 'zstd'

export interface Pack {
  readonly compression: Compression
  /** Bytes of file content in it. */
  readonly contentBytes: number
  /** Bytes that cross the wire, exactly. */
  readonly sizeBytes: number
  /** The whole pack, from its beginning. May be called any number of times, side by side. A stream fails with FLEET_RELEASE_CHANGED when a file is not as it was. */
  open(): Buffer | Readable
}

/** Bytes of file content in a pack of these members. */
export function contentBytesOf(members: Iterable<PackMember>): number {
  let sizeBytes = 0
  for (const member of members) if ('content' in member) sizeBytes += member.sizeBytes
  return sizeBytes
}
