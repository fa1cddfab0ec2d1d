// One file of a release, as it is described in the manifest. What always holds: the description is that of one moment; a file that
// changed while it was read is an error, not a release.
import { createHash } from 'node:crypto'
import { readSync, type BigIntStats } from 'node:fs'
import { constants, lstat, open, type FileHandle } from 'node:fs/promises'
import { FleetError } from '../../core/index.ts'
import type { BytesAt } from './elf.ts'
import type { ReleaseFile } from './manifest.ts'
import { needsOfFile, type FileNeeds } from './needs.ts'

export interface Described {
  readonly file: ReleaseFile
  /** Nothing for a file that is not executable. */
  readonly needs: FileNeeds
}

const CHUNK_BYTES = 1 << 20
const NO_NEEDS: FileNeeds = { machine: undefined, programs: [] }

/**
 * Reads the file at `source` once, in at most 2 MiB of memory; `path` is its place in the release. Throws what the file system says, or
 * FLEET_RELEASE_CHANGED.
 */
export async function describeFile(source: string, path: string): Promise<Described> {
  // Not following links and not waiting for pipes: it may have become one since it was found.
  await using handle = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const before = await handle.stat({ bigint: true })
  if (!before.isFile()) throw changed(source)
  const { sizeBytes, sha256 } = await hash(handle, Number(before.size))
  const isExecutable = (before.mode & 0o100n) !== 0n
  const needs = isExecutable ? needsOfFile(path, bytesOf(handle)) : NO_NEEDS
  const after = await lstat(source, { bigint: true }).catch(() => undefined)
  if (after === undefined || !isSame(before, after) || BigInt(sizeBytes) !== after.size) throw changed(source)
  return { file: { path, mode: isExecutable ? '755' : '644', sizeBytes, sha256 }, needs }
}

/** The next chunk is read while this one is hashed. */
async function hash(handle: FileHandle, expectedBytes: number): Promise<{ sizeBytes: number; sha256: string }> {
  const sum = createHash('sha256')
  // A byte more than there should be, so that the end shows without another read.
  const length = Math.min(CHUNK_BYTES, expectedBytes + 1)
  let buffer = Buffer.allocUnsafe(length)
  let other = Buffer.allocUnsafe(expectedBytes < CHUNK_BYTES ? 0 : length)
  let sizeBytes = 0
  let { bytesRead } = await handle.read(buffer, 0, length, 0)
  while (bytesRead > 0) {
    sizeBytes += bytesRead
    // It has changed already; something that is written for ever would be read for ever.
    if (sizeBytes > expectedBytes) break
    const isEnd = sizeBytes === expectedBytes && bytesRead < buffer.length
    if (other.length === 0 && !isEnd) other = Buffer.allocUnsafe(length)
    const next = isEnd ? undefined : handle.read(other, 0, length, sizeBytes)
    sum.update(buffer.subarray(0, bytesRead))
    if (next === undefined) break
    ;({ bytesRead } = await next)
    ;[buffer, other] = [other, buffer]
  }
  return { sizeBytes, sha256: sum.digest('hex') }
}

/** Only a few small pieces of each executable file are looked at, and they were read just now. */
function bytesOf(handle: FileHandle): BytesAt {
  return (offset, length) => {
    const buffer = Buffer.alloc(length)
    if (!Number.isSafeInteger(offset)) return buffer.subarray(0, 0)
    return buffer.subarray(0, readSync(handle.fd, buffer, 0, length, offset))
  }
}

function isSame(before: BigIntStats, after: BigIntStats): boolean {
  return (['dev', 'ino', 'size', 'mtimeNs', 'mode'] as const).every((field) => before[field] === after[field])
}

function changed(source: string): FleetError {
  return new FleetError('FLEET_RELEASE_CHANGED', `${source} changed while it was being read`, {
    remedy: 'push again when it no longer changes',
    retryable: true,
  })
}
