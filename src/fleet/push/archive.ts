// A tar stream, the one format that every node can unpack as it arrives. Written here because what is sent must be exactly
// what was hashed: a file that changes while it is being sent ends the stream with an error instead of reaching a node.
// Every chunk is full, whatever the size of the files: 500 small ones are not 1500 small writes.
import { setImmediate as turn } from 'node:timers/promises'
import type { PackMember } from './pack.ts'
import { openSource, type SourceRange } from './source.ts'
import { END_BYTES, fileHeader, linkHeader, paddingBytes } from './tar-header.ts'

/** Larger ones make reading hardly cheaper, and what waits for the garbage collector grows with them. */
const CHUNK_BYTES = 128 * 1024
/** Small files are read on the spot; the rest of the process gets its turn after so many, which is about 2 ms. */
const FILES_PER_TURN = 64

/**
 * Yields the archive in chunks of `chunkBytes` (the last one may be smaller), which are the reader's to keep.
 * Throws FLEET_RELEASE_CHANGED if a file is gone or does not end where its entry says.
 */
export async function* archive(members: Iterable<PackMember>, chunkBytes = CHUNK_BYTES): AsyncGenerator<Buffer> {
  let chunk = Buffer.allocUnsafeSlow(chunkBytes)
  let used = 0
  let files = 0
  for (const part of partsOf(members)) {
    if (Buffer.isBuffer(part)) {
      for (let at = 0; at < part.length;) {
        if (used === chunk.length) {
          yield chunk
          chunk = Buffer.allocUnsafeSlow(chunkBytes)
          used = 0
        }
        const copied = part.copy(chunk, used, at)
        at += copied
        used += copied
      }
      continue
    }
    if (++files % FILES_PER_TURN === 0) await turn()
    const source = await openSource(part)
    try {
      while (!source.isAtEnd()) {
        if (used === chunk.length) {
          yield chunk
          chunk = Buffer.allocUnsafeSlow(chunkBytes)
          used = 0
        }
        used += await source.readInto(chunk.subarray(used))
      }
    } finally {
      await source.close()
    }
  }
  yield chunk.subarray(0, used)
}

/** The length of the archive in bytes, exactly. Reads nothing. */
export function sizeOfArchive(members: Iterable<PackMember>): number {
  let sizeBytes = 0
  for (const part of partsOf(members)) sizeBytes += Buffer.isBuffer(part) ? part.length : part.sizeBytes
  return sizeBytes
}

function* partsOf(members: Iterable<PackMember>): Generator<Buffer | SourceRange> {
  for (const member of members) {
    if ('linkTo' in member) {
      yield linkHeader(member.path, member.linkTo)
      continue
    }
    const { path, mode, sizeBytes, content } = member
    yield fileHeader(path, mode, sizeBytes)
    if (Buffer.isBuffer(content)) yield content
    else if (sizeBytes > 0) yield { file: content.file, fromByte: content.fromByte ?? 0, sizeBytes }
    yield Buffer.alloc(paddingBytes(sizeBytes))
  }
  yield Buffer.alloc(END_BYTES)
}
