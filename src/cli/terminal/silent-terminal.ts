// The terminal of this process, opened anew so that stdin and stdout may be anything, and in a mode that shows nothing of what is
// typed. What always holds: whoever opens it closes it, and then it is as it was.
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { isatty, ReadStream } from 'node:tty'
import { FleetError } from '../../core/index.ts'
import { isInBackground } from './background.ts'

const TERMINAL = '/dev/tty'

/** True when this process can ask on a terminal: cron jobs, services and `setsid` have none, and a job in the background has it not now. */
export function hasTerminal(): boolean {
  if (isInBackground()) return false
  try {
    const descriptor = open(constants.O_RDWR)
    const isTerminal = isatty(descriptor)
    closeSync(descriptor)
    return isTerminal
  } catch {
    return false
  }
}

export interface Terminal {
  readonly input: ReadStream
  readonly say: (text: string) => void
  /** Once more no echo: a shell that stopped us and lets us go on has changed the terminal. */
  readonly hide: () => void
  /** Reads no more; echo is on again. */
  readonly close: () => void
  /** The last call. */
  readonly hangUp: () => void
}

/** Raw, so without echo, before anything is said. Throws FLEET_CLI_NO_TERMINAL; `what` is asked for. */
export function openTerminal(what: string): Terminal {
  if (isInBackground()) throw noTerminal(what, 'this job runs in the background')
  let output: number | undefined
  let descriptor: number | undefined
  try {
    output = open(constants.O_WRONLY)
    descriptor = open(constants.O_RDONLY)
    const input = new ReadStream(descriptor)
    // Mostly the stream opens the terminal once more, for itself; where it cannot, it closes ours.
    const isOurs = descriptorOf(input) !== descriptor
    input.setRawMode(true)
    return {
      input,
      say: (text) => {
        writeTo(output, text)
      },
      hide: () => {
        input.setRawMode(false)
        input.setRawMode(true)
      },
      close: () => {
        input.setRawMode(false)
        input.destroy()
      },
      hangUp: () => {
        for (const opened of [output, isOurs ? descriptor : undefined]) if (opened !== undefined) closeSync(opened)
      },
    }
  } catch (error) {
    for (const opened of [output, descriptor]) if (opened !== undefined) closeSync(opened)
    throw noTerminal(what, 'there is none', error)
  }
}

function noTerminal(what: string, found: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_CLI_NO_TERMINAL', `expected a terminal to ask for: ${printable(what)}; ${found}`, {
    remedy: 'run it in the foreground of a terminal, or use --password-env, --password-fd, and ssh-agent for keys',
    cause,
  })
}

function descriptorOf(stream: ReadStream): unknown {
  const handle: unknown = Reflect.get(stream, '_handle')
  return typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
}

function open(flags: number): number {
  return openSync(TERMINAL, flags | constants.O_NOCTTY)
}

/** A terminal that has gone away is no reason to fail: reading notices as well. */
function writeTo(descriptor: number | undefined, text: string): void {
  try {
    if (descriptor !== undefined) writeSync(descriptor, text)
  } catch {
    // See above.
  }
}

/** A file's name may hold bytes that move a terminal. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
}
