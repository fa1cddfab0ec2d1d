// A tar stream, the one format that every node can unpack as it arrives. Written here because what is sent must be exactly
// what was hashed: a file that changes while it is being sent ends the stream with an error instead of reaching a node.
// Format: POSIX.1-1988 ustar. A name that does not fit goes ahead as GNU tar's LongLink entry, a size that does not fit is
// base-256 (GNU tar manual, "Extensions to the Archive Format"): busybox tar reads these, but skips pax headers.
import { createReadStream } from 'node:fs'
import { FleetError, messageOf } from '../../core/index.ts'

export interface ArchiveEntry {
  readonly path: string
  /** Octal, for example 0o444. */
  readonly mode: number
  readonly sizeBytes: number
  /** The bytes themselves, or the absolute path of the file that holds them. */
  readonly content: Buffer | { readonly file: string }
}

const BLOCK = 512
const NAME_BYTES = 100
const MAX_OCTAL_SIZE = 0o77777777777

/** Yields the archive, files in chunks of at most 1 MiB. Throws FLEET_RELEASE_CHANGED if a file is gone or not as long as its entry says. */
export async function* archive(entries: Iterable<ArchiveEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    if (Buffer.byteLength(entry.path) > NAME_BYTES) yield longName(entry.path)
    yield header(entry.path, entry.mode, entry.sizeBytes, '0')
    if ('file' in entry.content) yield* contentOf(entry.content.file, entry.sizeBytes)
    else yield entry.content
    yield padding(entry.sizeBytes)
  }
  yield Buffer.alloc(2 * BLOCK)
}

async function* contentOf(file: string, sizeBytes: number): AsyncGenerator<Buffer> {
  if (sizeBytes === 0) return
  let sent = 0
  // One byte more than expected is asked for, so that a file that grew is noticed as well as one that shrank.
  const chunks: AsyncIterable<Buffer> = createReadStream(file, { end: sizeBytes, highWaterMark: 1 << 20 })
  try {
    for await (const chunk of chunks) {
      sent += chunk.length
      if (sent > sizeBytes) break
      yield chunk
    }
  } catch (cause) {
    throw changed(`${file} could not be read while it was being sent: ${messageOf(cause)}`, cause)
  }
  if (sent !== sizeBytes) throw changed(`${file} changed while it was being sent`)
}

function changed(message: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_RELEASE_CHANGED', message, {
    remedy: 'push again when it no longer changes',
    retryable: true,
    cause,
  })
}

function longName(path: string): Buffer {
  const name = Buffer.from(`${path}\0`)
  return Buffer.concat([header('././@LongLink', 0, name.length, 'L'), name, padding(name.length)])
}

function header(path: string, mode: number, sizeBytes: number, type: '0' | 'L'): Buffer {
  const block = Buffer.alloc(BLOCK)
  // A name that does not fit is cut here: the LongLink entry before it counts.
  Buffer.from(path).copy(block, 0, 0, NAME_BYTES)
  writeOctal(block, 100, 8, mode)
  writeOctal(block, 108, 8, 0)
  writeOctal(block, 116, 8, 0)
  writeSize(block, sizeBytes)
  writeOctal(block, 136, 12, 0)
  block.fill(0x20, 148, 156)
  block.write(type, 156)
  block.write('ustar\0' + '00', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function writeSize(block: Buffer, sizeBytes: number): void {
  if (sizeBytes <= MAX_OCTAL_SIZE) {
    writeOctal(block, 124, 12, sizeBytes)
    return
  }
  block[124] = 0x80
  block.writeBigUInt64BE(BigInt(sizeBytes), 128)
}

function writeOctal(block: Buffer, offset: number, width: number, value: number): void {
  block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset)
}

function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK)
}
