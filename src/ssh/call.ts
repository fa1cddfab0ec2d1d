// One running command, as its caller sees it: output within limits, a stall timer, an upper bound, an abort signal. The same for a
// channel of an SSH connection and for a process on this machine. What always holds: it ends exactly once, the first
// cause wins, and afterwards no timer or listener of it is left.
import { Readable } from 'node:stream'
import { FleetError, toFleetError } from '../core/index.ts'
import { abortedError } from './ssh-error.ts'
import type { ExecOptions, ExecResult } from './transport.ts'

export interface Call {
  readonly result: Promise<ExecResult>
  readonly isOver: boolean
  /** Runs `action` when the call ends for whatever reason, at once if it has ended. */
  readonly whenOver: (action: () => void) => void
  /** Starts the stall timer. Until then the call waits in a queue of ours, which is nobody's fault. */
  readonly begin: () => void
  /** Bytes moved in either direction. */
  readonly moved: () => void
  readonly stdout: (chunk: Buffer) => void
  readonly stderr: (chunk: Buffer) => void
  readonly end: (exitCode: number | undefined, signal: string | undefined) => void
  readonly fail: (error: FleetError) => void
}

const DEFAULT_STALL_MS = 60_000
const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024

/** `place`: the node, for messages. */
export function createCall(place: string, options: ExecOptions): Call {
  const { stallMs = DEFAULT_STALL_MS, timeoutMs = 0, signal, stdin, onStdout, onStderr } = options
  const { promise, resolve, reject } = Promise.withResolvers<ExecResult>()
  const output = { stdout: createOutput('stdout', place, options), stderr: createOutput('stderr', place, options) }
  const actions: (() => void)[] = []
  let isOver = false
  let stallTimer: NodeJS.Timeout | undefined

  const settle = (conclude: () => void): void => {
    if (isOver) return
    isOver = true
    clearTimeout(stallTimer)
    clearTimeout(boundTimer)
    signal?.removeEventListener('abort', onAbort)
    conclude()
    for (const action of actions) action()
  }
  const fail = (error: FleetError): void => {
    settle(() => {
      reject(error)
    })
  }
  const onAbort = (): void => {
    fail(abortedError(signal))
  }
  const boundTimer =
    timeoutMs > 0
      ? setTimeout(() => {
          fail(timeoutError(place, timeoutMs))
        }, timeoutMs)
      : undefined
  if (stdin instanceof Readable) {
    // It may fail while the call waits for its channel, which then finds out (feed.ts).
    stdin.on('error', () => undefined)
    actions.push(() => stdin.destroy())
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()

  const take = (keep: (chunk: Buffer) => void, chunk: Buffer): void => {
    if (isOver) return
    stallTimer?.refresh()
    try {
      keep(chunk)
    } catch (error) {
      fail(toFleetError(error))
    }
  }

  return {
    result: promise,
    get isOver() {
      return isOver
    },
    whenOver: (action) => {
      if (isOver) action()
      else actions.push(action)
    },
    begin: () => {
      if (isOver || stallMs === 0 || stallTimer !== undefined) return
      stallTimer = setTimeout(() => {
        fail(stalledError(place, stallMs))
      }, stallMs)
    },
    moved: () => {
      if (!isOver) stallTimer?.refresh()
    },
    stdout: (chunk) => {
      take(onStdout ?? output.stdout.add, chunk)
    },
    stderr: (chunk) => {
      take(onStderr ?? output.stderr.add, chunk)
    },
    end: (exitCode, endSignal) => {
      settle(() => {
        resolve({ exitCode, signal: endSignal, stdout: output.stdout.text(), stderr: output.stderr.text() })
      })
    },
    fail,
  }
}

function createOutput(
  name: string,
  place: string,
  options: ExecOptions,
): { readonly add: (chunk: Buffer) => void; readonly text: () => string } {
  const limit = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES
  const chunks: Buffer[] = []
  let sizeBytes = 0
  return {
    add: (chunk) => {
      sizeBytes += chunk.length
      if (sizeBytes > limit) throw outputLimitError(place, name, limit)
      chunks.push(chunk)
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}

function stalledError(place: string, stallMs: number): FleetError {
  return new FleetError(
    'FLEET_SSH_STALLED',
    `expected ${place} to read or write within ${stallMs} ms, nothing moved; how the command ended is unknown`,
    {
      remedy: 'look at the node: its load, its disk, the network; then run the same command again',
      retryable: true,
    },
  )
}

function timeoutError(place: string, timeoutMs: number): FleetError {
  return new FleetError(
    'FLEET_SSH_TIMEOUT',
    `expected the command on ${place} to end within ${timeoutMs} ms, it was given up`,
    { retryable: true },
  )
}

function outputLimitError(place: string, name: string, limitBytes: number): FleetError {
  return new FleetError(
    'FLEET_SSH_OUTPUT_LIMIT',
    `expected at most ${limitBytes} bytes of ${name} from ${place}, there was more`,
    {
      remedy: 'let the command write less, or to a file on the node',
    },
  )
}

/** The process ended without telling how. */
export function unknownOutcomeError(place: string, cause?: unknown): FleetError {
  return new FleetError(
    'FLEET_SSH_UNKNOWN_OUTCOME',
    `expected an exit status from ${place}, the channel closed without one`,
    {
      remedy:
        'look what the command left behind; sshd or its session may have been killed. Running it again is safe if it is re-entrant',
      retryable: true,
      cause,
    },
  )
}
