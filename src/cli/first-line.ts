// The first line of a descriptor that was opened for us, and not a byte more: what follows belongs to whoever reads on.
import { fstatSync, readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'
import { FleetError, messageOf } from '../core/index.ts'

/** Far above any password: a descriptor without line ends must not be read for ever. */
const MAX_BYTES = 4096
const LOOK_MS = 20
/** For a descriptor that says "nothing yet" instead of waiting. */
const PATIENCE_MS = 10_000

/** Without its line end, `\n` or `\r\n`. Throws FLEET_CLI_NO_PASSWORD with `remedy` when it cannot be read or is no UTF-8. */
export async function readFirstLine(descriptor: number, remedy: string): Promise<string> {
  const fail = (found: string, cause?: unknown): FleetError =>
    new FleetError(
      'FLEET_CLI_NO_PASSWORD',
      `expected a password in the first line of descriptor ${descriptor}, ${found}`,
      {
        remedy,
        cause,
      },
    )
  let bytes: Buffer
  try {
    const kind = fstatSync(descriptor)
    if (isatty(descriptor)) throw new Error('it is a terminal, which would show it (--ask-password does not)')
    if (!(kind.isFile() || kind.isFIFO() || kind.isSocket())) throw new Error('it is neither a file nor a pipe')
    bytes = await readBytes(descriptor)
  } catch (error) {
    throw fail(codeOf(error) === 'EBADF' ? 'it is not open' : messageOf(error), error)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r$/, '')
  } catch (error) {
    throw fail('it is not UTF-8', error)
  }
}

/** Byte by byte, as a pipe cannot be given back what was read too far. */
async function readBytes(descriptor: number): Promise<Buffer> {
  const line = Buffer.alloc(MAX_BYTES)
  const deadlineMs = performance.now() + PATIENCE_MS
  let length = 0
  while (length < MAX_BYTES) {
    try {
      if (readSync(descriptor, line, length, 1, null) === 0 || line[length] === LINE_FEED)
        return line.subarray(0, length)
      length += 1
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error
      if (performance.now() > deadlineMs)
        throw new Error(`nothing came within ${PATIENCE_MS / 1000} s`, { cause: error })
      await sleep(LOOK_MS)
    }
  }
  throw new Error(`it is longer than ${MAX_BYTES} bytes`)
}

const LINE_FEED = 10

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
