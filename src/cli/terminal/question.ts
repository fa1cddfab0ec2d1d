// Questions whose answer must not be seen: passwords and passphrases. They are asked on the terminal itself, so that stdin and
// stdout may be pipes, one at a time, and nothing is echoed. Whichever way a question ends, the terminal is as it was before.
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { isatty, ReadStream } from 'node:tty'
import { FleetError, messageOf, Secret } from '../../core/index.ts'
import { createHiddenLine, type Typed } from './hidden-line.ts'

const TERMINAL = '/dev/tty'
/** A terminal sends a paste at once; it arrives in pieces. */
const REST_OF_PASTE_MS = 50
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

let turn: Promise<unknown> = Promise.resolve()
let isInterrupted = false

/** True when this process has a terminal to ask on (cron jobs, services and `setsid` have none). */
export function hasTerminal(): boolean {
  try {
    const descriptor = open(constants.O_RDWR)
    const isTerminal = isatty(descriptor)
    closeSync(descriptor)
    return isTerminal
  } catch {
    return false
  }
}

/**
 * Asks `what` (for example `Passphrase for /home/ops/.ssh/id`) and reads one line. Throws FLEET_CLI_NO_TERMINAL without a
 * terminal, FLEET_CLI_NO_ANSWER after Ctrl-D and when what was typed cannot be used. Ctrl-C is SIGINT to this process, and
 * the end of this and every later question.
 */
export function askHidden(what: string): Promise<Secret> {
  const answer = turn.then(() => {
    if (isInterrupted) throw interrupted(what)
    return readAnswer(what)
  })
  turn = answer.catch(() => undefined)
  return answer
}

async function readAnswer(what: string): Promise<Secret> {
  const terminal = openTerminal(what)
  const { promise, resolve, reject } = Promise.withResolvers<Secret>()
  const line = createHiddenLine()

  let isAnswered = false
  const onTyped = (typed: Typed): void => {
    if (isAnswered) return
    isAnswered = typed.kind !== 'more'
    switch (typed.kind) {
      case 'more':
        return
      case 'line':
        // The other lines of a paste are swallowed as well: the shell that reads next would run them.
        setTimeout(resolve, REST_OF_PASTE_MS, new Secret(typed.text))
        return
      case 'interrupt':
        giveUp()
        // To a raw terminal Ctrl-C is a key; whoever listens for the signal gets it now.
        process.kill(process.pid, 'SIGINT')
        return
      case 'end':
        reject(noAnswer(what, 'the input ended'))
        return
      case 'unusable':
        reject(noAnswer(what, `what was typed ${typed.why}`))
    }
  }
  const giveUp = (): void => {
    isInterrupted = true
    putBack()
    reject(interrupted(what))
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    giveUp()
    // Nobody else listens: the signal ends this process, as it would have without us.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  let isBack = false
  const putBack = (): void => {
    if (isBack) return
    isBack = true
    for (const signal of SIGNALS) process.off(signal, onSignal)
    process.off('exit', putBack)
    terminal.close()
    releaseOutput()
  }

  const releaseOutput = holdOutput()
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('exit', putBack)
  terminal.input.on('data', (chunk: Buffer) => {
    onTyped(line.type(chunk))
  })
  // A terminal that is closed ends, or fails with EIO.
  terminal.input.once('end', () => {
    reject(noAnswer(what, 'the input ended'))
  })
  terminal.input.on('error', (error) => {
    reject(noAnswer(what, messageOf(error)))
  })
  try {
    terminal.say(`${printable(what)}: `)
    return await promise
  } finally {
    putBack()
  }
}

interface Terminal {
  readonly input: ReadStream
  readonly say: (text: string) => void
  /** Echo is on again afterwards. */
  readonly close: () => void
}

/** Raw, so without echo, before anything is said. */
function openTerminal(what: string): Terminal {
  let output: number | undefined
  let descriptor: number | undefined
  try {
    output = open(constants.O_WRONLY)
    descriptor = open(constants.O_RDONLY)
    const input = new ReadStream(descriptor)
    input.setRawMode(true)
    return { input, say: (text) => writeTo(output, text), close: () => close(input, descriptor, output) }
  } catch (error) {
    for (const opened of [output, descriptor]) if (opened !== undefined) closeSync(opened)
    throw new FleetError('FLEET_CLI_NO_TERMINAL', `expected a terminal to ask for: ${printable(what)}; there is none`, {
      remedy: 'run it in a terminal, or give a password with --password-env or --password-fd, and keys with ssh-agent',
      cause: error,
    })
  }
}

function close(input: ReadStream, descriptor: number | undefined, output: number | undefined): void {
  input.setRawMode(false)
  input.destroy()
  // The stream has opened the terminal once more, for itself.
  if (descriptor !== undefined) closeSync(descriptor)
  writeTo(output, '\n')
  if (output !== undefined) closeSync(output)
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

/** Live progress would be drawn over the question; it waits. Returns what lets it go on. */
function holdOutput(): () => void {
  const held = [process.stdout, process.stderr].filter((stream) => stream.isTTY)
  for (const stream of held) stream.cork()
  return () => {
    for (const stream of held) stream.uncork()
  }
}

function noAnswer(what: string, found: string): FleetError {
  return new FleetError('FLEET_CLI_NO_ANSWER', `expected an answer to: ${printable(what)}; ${found}`, {
    remedy: 'run it again, type the answer and press Enter',
  })
}

function interrupted(what: string): FleetError {
  return new FleetError('FLEET_CLI_NO_ANSWER', `${printable(what)}: the question was interrupted`)
}

/** A file's name may hold bytes that move a terminal. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
}
