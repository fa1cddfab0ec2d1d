// Gives a command its stdin. One piece is on its way at a time, so that memory stays bounded, a dead reader stops us, and every
// accepted piece counts as progress. Buffers are never copied, only cut into views.
import type { Readable, Writable } from 'node:stream'
import { FleetError, messageOf } from '../core/index.ts'
import type { Call } from './call.ts'
import type { ExecOptions } from './transport.ts'

/** Several SSH packets (32 KiB) in one go, and still small enough to show progress on a slow line. */
const PIECE_BYTES = 256 * 1024

/** Writes everything, then ends `writable`. Ends early, quietly, when the call is over; a source that fails makes the call fail. */
export async function feed(writable: Writable, source: ExecOptions['stdin'], call: Call): Promise<void> {
  // A command that does not read its input is not a failure (EPIPE): its exit status tells.
  writable.on('error', () => undefined)
  let wake: () => void = () => undefined
  call.whenOver(() => {
    wake()
    if (isReadable(source)) source.destroy()
  })
  const write = (piece: Buffer): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
      writable.write(piece, () => {
        call.moved()
        resolve()
      })
    })
  try {
    for await (const chunk of piecesOf(source)) {
      if (call.isOver || !writable.writable) break
      await write(chunk)
    }
  } catch (error) {
    call.fail(
      new FleetError('FLEET_SSH_INPUT', `expected to read the input of a command: ${messageOf(error)}`, {
        cause: error,
      }),
    )
  }
  if (writable.writable) writable.end()
}

async function* piecesOf(source: ExecOptions['stdin']): AsyncGenerator<Buffer> {
  if (source === undefined) return
  if (!isReadable(source)) {
    yield* cut(typeof source === 'string' ? Buffer.from(source) : source)
    return
  }
  for await (const chunk of source) yield* cut(bytesOf(chunk))
}

function* cut(buffer: Buffer): Generator<Buffer> {
  for (let at = 0; at < buffer.length; at += PIECE_BYTES) yield buffer.subarray(at, at + PIECE_BYTES)
}

function bytesOf(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError('the input must be a stream of bytes or text')
}

function isReadable(source: ExecOptions['stdin']): source is Readable {
  return source !== undefined && typeof source !== 'string' && !Buffer.isBuffer(source)
}
