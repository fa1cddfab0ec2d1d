// Bytes on their way to one node, counted as the connection takes them.
import type { Readable } from 'node:stream'
import { streamOf } from './stream-of.ts'

/** Both in bytes that cross the wire: what was taken so far, and what all of it will be as far as is known. */
export type SentListener = (bytes: number, ofBytes: number) => void

export interface Wire {
  readonly sentBytes: number
  /** Promises so many more bytes. */
  expect(sizeBytes: number): void
  /** The same bytes as a stream, for one reader. */
  count(source: Buffer | Readable): Readable
}

/** A display needs no more steps than this from nothing to all. */
const STEPS = 200
const PIECE_BYTES = 256 * 1024

export function createWire(onSent: SentListener | undefined): Wire {
  let sentBytes = 0
  let ofBytes = 0
  let shownBytes = 0
  const show = (isEnd: boolean): void => {
    if (shownBytes === sentBytes || (!isEnd && sentBytes - shownBytes < ofBytes / STEPS)) return
    shownBytes = sentBytes
    onSent?.(sentBytes, Math.max(sentBytes, ofBytes))
  }
  async function* counted(source: Buffer | Readable): AsyncGenerator<Buffer> {
    const pieces: AsyncIterable<Buffer> | Iterable<Buffer> = Buffer.isBuffer(source) ? cut(source) : source
    try {
      for await (const piece of pieces) {
        yield piece
        // Asking for the next one is how the reader says that it has taken this one.
        sentBytes += piece.length
        show(false)
      }
    } finally {
      show(true)
    }
  }
  return {
    get sentBytes() {
      return sentBytes
    },
    expect: (sizeBytes) => {
      ofBytes += sizeBytes
    },
    count: (source) => streamOf(counted(source)),
  }
}

function* cut(buffer: Buffer): Generator<Buffer> {
  for (let at = 0; at < buffer.length; at += PIECE_BYTES) yield buffer.subarray(at, at + PIECE_BYTES)
}
