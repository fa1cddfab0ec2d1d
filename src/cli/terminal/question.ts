// Questions whose answer is not shown while it is typed: passwords and passphrases, and a yes or no. They are asked on the terminal itself, so that stdin and
// stdout may be pipes, one at a time, and nothing is echoed. Whichever way a question ends, the terminal is as it was before.
import { FleetError, messageOf, Secret } from '../../core/index.ts'
import { createHiddenLine, type HiddenLine, type Typed } from './hidden-line.ts'
import { openTerminal, printable } from './silent-terminal.ts'
import { createYesNo } from './yes-no.ts'

/** A terminal sends a paste at once; it arrives in pieces, and is over when nothing more has come for so long. */
const REST_OF_PASTE_MS = 100
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

let turn: Promise<unknown> = Promise.resolve()
let isInterrupted = false

/**
 * Asks `what` (for example `Passphrase for /home/ops/.ssh/id`) and reads one line. Throws FLEET_CLI_NO_TERMINAL without a
 * terminal, FLEET_CLI_NO_ANSWER after Ctrl-D and when what was typed cannot be used. Ctrl-C is SIGINT to this process, and
 * the end of this and every later question.
 */
export function askHidden(what: string): Promise<Secret> {
  return ask(what, createHiddenLine())
}

/** One key, y or n; anything else is waited over. The same errors and the same Ctrl-C as `askHidden`. */
export async function askYesNo(what: string): Promise<boolean> {
  const answer = await ask(`${what} [y/n]`, createYesNo())
  return answer.reveal() === 'y'
}

function ask(what: string, line: HiddenLine): Promise<Secret> {
  const answer = turn.then(() => {
    if (isInterrupted) throw interrupted(what)
    return readAnswer(what, line)
  })
  turn = answer.catch(() => undefined)
  return answer
}

async function readAnswer(what: string, line: HiddenLine): Promise<Secret> {
  const terminal = openTerminal(what)
  const { promise, resolve, reject } = Promise.withResolvers<Secret>()

  let isAnswered = false
  let swallowing: NodeJS.Timeout | undefined
  const onTyped = (typed: Typed): void => {
    isAnswered = typed.kind !== 'more'
    switch (typed.kind) {
      case 'more':
        return
      case 'line':
        // The other lines of a paste are swallowed as well: the shell that reads next would run them.
        swallowing = setTimeout(resolve, REST_OF_PASTE_MS, new Secret(typed.text))
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
    process.off('SIGCONT', terminal.hide)
    terminal.close()
    terminal.say(clearLine === '' ? '\n' : clearLine)
    terminal.hangUp()
    release()
  }

  const { clearLine, release } = holdOutput()
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('exit', putBack)
  process.on('SIGCONT', terminal.hide)
  terminal.input.on('data', (chunk: Buffer) => {
    if (isAnswered) swallowing?.refresh()
    else onTyped(line.type(chunk))
  })
  // A terminal that is closed ends, or fails with EIO.
  terminal.input.once('end', () => {
    reject(noAnswer(what, 'the input ended'))
  })
  terminal.input.on('error', (error) => {
    reject(noAnswer(what, messageOf(error)))
  })
  try {
    terminal.say(`${clearLine}${printable(what)}: `)
    return await promise
  } finally {
    putBack()
  }
}

interface Held {
  /** Goes before and after the question, so that progress finds the line as it left it; empty when nothing is drawn. */
  readonly clearLine: string
  readonly release: () => void
}

/** Live progress would be drawn over the question; it waits. */
function holdOutput(): Held {
  const held = [process.stdout, process.stderr].filter((stream) => stream.isTTY)
  for (const stream of held) stream.cork()
  return {
    clearLine: held.length === 0 || process.env['TERM'] === 'dumb' ? '' : '\r\u001b[K',
    release: () => {
      for (const stream of held) stream.uncork()
    },
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
