// Chunks as a stream that hands each of them on as it is: a stream of bytes would copy those together that wait in it.
import { Readable } from 'node:stream'

/** Holds one chunk at most. Asks for nothing before somebody reads. */
export function streamOf(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Readable {
  return Readable.from(chunks, { objectMode: true, highWaterMark: 1 })
}
