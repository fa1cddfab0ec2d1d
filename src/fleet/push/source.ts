// The bytes of one file of the release, read again when they are sent. What always holds: either exactly the bytes up to the
// known end are given, or FLEET_RELEASE_CHANGED is thrown.
import { close, closeSync, constants, open, openSync, read, readSync } from 'node:fs'
import { promisify } from 'node:util'
import { FleetError, messageOf } from '../../core/index.ts'

export interface SourceRange {
  /** Absolute path. */
  readonly file: string
  readonly fromByte: number
  /** From there to the end of the file. */
  readonly sizeBytes: number
}

export interface Source {
  /** Everything was read, and the file really ends there. */
  readonly isAtEnd: () => boolean
  /** How many bytes of `target` are the file's now. What lies behind them may be overwritten too. */
  readonly readInto: (target: Buffer) => Promise<number>
  readonly close: () => Promise<void>
}

/**
 * A smaller range is read on the spot: handing three calls to the thread pool takes 0.2 ms, ten times as long as the calls
 * themselves. Bytes.
 */
const ON_THE_SPOT_BYTES = 64 * 1024

/** A pipe that took the file's place must not make us wait for its writer. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK

interface FileCalls {
  readonly open: (file: string, flags: number) => Promise<number>
  readonly read: (descriptor: number, target: Buffer, length: number, position: number) => Promise<number>
  readonly close: (descriptor: number) => Promise<void>
}

const ON_THE_SPOT: FileCalls = {
  open: async (file, flags) => openSync(file, flags),
  read: async (descriptor, target, length, position) => readSync(descriptor, target, 0, length, position),
  close: async (descriptor) => closeSync(descriptor),
}

const readAside = promisify(read)
const ASIDE: FileCalls = {
  open: promisify(open),
  read: async (descriptor, target, length, position) =>
    (await readAside(descriptor, target, 0, length, position)).bytesRead,
  close: promisify(close),
}

export async function openSource({ file, fromByte, sizeBytes }: SourceRange): Promise<Source> {
  const calls = sizeBytes <= ON_THE_SPOT_BYTES ? ON_THE_SPOT : ASIDE
  const descriptor = await calls.open(file, FLAGS).catch(unreadable(file))
  let left = sizeBytes
  let isAtEnd = false
  return {
    isAtEnd: () => isAtEnd,
    readInto: async (target) => {
      // One byte more than expected is asked for, so that a file that grew is noticed as well as one that shrank.
      const wanted = Math.min(target.length, left + 1)
      const position = fromByte + sizeBytes - left
      const bytesRead = await calls.read(descriptor, target, wanted, position).catch(unreadable(file))
      if (bytesRead > left || (bytesRead === 0 && left > 0)) throw changed(`${file} changed while it was being sent`)
      left -= bytesRead
      isAtEnd = left === 0 && bytesRead < wanted
      return bytesRead
    },
    close: () => calls.close(descriptor),
  }
}

/** Fills every `target` with the bytes of the file from its `position` on. Throws FLEET_RELEASE_CHANGED when there are not so many. */
export async function readPieces(
  file: string,
  pieces: readonly { readonly target: Buffer; readonly position: number }[],
): Promise<void> {
  const descriptor = await ASIDE.open(file, FLAGS).catch(unreadable(file))
  try {
    for (const { target, position } of pieces) {
      const bytesRead = await ASIDE.read(descriptor, target, target.length, position).catch(unreadable(file))
      if (bytesRead < target.length) throw changed(`${file} changed while it was being sent`)
    }
  } finally {
    await ASIDE.close(descriptor)
  }
}

function unreadable(file: string): (cause: unknown) => never {
  return (cause) => {
    throw changed(`${file} could not be read while it was being sent: ${messageOf(cause)}`, cause)
  }
}

function changed(message: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_RELEASE_CHANGED', message, {
    remedy: 'push again when it no longer changes',
    retryable: true,
    cause,
  })
}
