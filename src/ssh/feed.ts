// Gives a command its stdin. What is on its way is bounded, so that memory stays bounded and a dead reader stops us, and every accepted
// piece counts as progress. Buffers are never copied, only cut into views.
import { finished, type Readable, type Writable } from 'node:stream'
import { FleetError, messageOf } from '../core/index.ts'
import type { Call } from './call.ts'
import type { ExecOptions } from './transport.ts'

/** Several SSH packets (32 KiB) in one go, and still small enough to show progress on a slow line. */
const PIECE_BYTES = 256 * 1024

/** Writes everything, then ends `writable`. Stops early, quietly, when the call is over; a source that fails makes the call fail. */
export function feed(writable: Writable, source: ExecOptions['stdin'], call: Call): void {
  // A command that does not read its input is not a failure (EPIPE): its exit status tells.
  writable.on('error', () => undefined)
  const outlet: Outlet = {
    isOpen: () => !call.isOver && writable.writable,
    write: (piece, done) => {
      writable.write(piece, () => {
        call.moved()
        done()
      })
    },
    end: () => {
      if (writable.writable) writable.end()
    },
  }
  if (isReadable(source)) pour(source, outlet, call)
  else writeFrom(typeof source === 'string' ? Buffer.from(source) : (source ?? Buffer.alloc(0)), 0, outlet)
}

interface Outlet {
  readonly isOpen: () => boolean
  /** Calls `done` when the piece was accepted, never before it returns; perhaps not at all once the outlet is closed. */
  readonly write: (piece: Buffer, done: () => void) => void
  readonly end: () => void
}

/** One piece at a time. */
function writeFrom(bytes: Buffer, at: number, outlet: Outlet): void {
  if (!outlet.isOpen()) return
  if (at >= bytes.length) outlet.end()
  else
    outlet.write(bytes.subarray(at, at + PIECE_BYTES), () => {
      writeFrom(bytes, at + PIECE_BYTES, outlet)
    })
}

/** The call destroys the stream when it is over. Lets it flow while less than one piece is on its way: then Node hands out chunks as they are, instead of joining those that wait. */
function pour(source: Readable, outlet: Outlet, call: Call): void {
  let onTheWayBytes = 0
  let isUnwanted = false
  finished(source, { writable: false }, (error) => {
    if (error !== null && error !== undefined && !isUnwanted) call.fail(inputError(error))
    outlet.end()
  })
  source.on('data', (chunk: unknown) => {
    isUnwanted = !outlet.isOpen()
    if (isUnwanted) {
      source.destroy()
      return
    }
    try {
      for (const piece of cut(bytesOf(chunk))) {
        onTheWayBytes += piece.length
        outlet.write(piece, () => {
          onTheWayBytes -= piece.length
          if (onTheWayBytes < PIECE_BYTES && source.isPaused()) source.resume()
        })
      }
    } catch (error) {
      call.fail(inputError(error))
    }
    if (onTheWayBytes >= PIECE_BYTES) source.pause()
  })
}

function inputError(cause: unknown): FleetError {
  return new FleetError('FLEET_SSH_INPUT', `expected to read the input of a command: ${messageOf(cause)}`, { cause })
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
