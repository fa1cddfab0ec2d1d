// Asks for the passphrase of a key file on the terminal, once per file and run, without echoing it.
import { Secret } from '../core/index.ts'

const asked = new Map<string, Promise<Secret>>()
let turn: Promise<unknown> = Promise.resolve()

export function askPassphrase(identity: string): Promise<Secret> {
  const known = asked.get(identity)
  if (known !== undefined) return known
  const answer = turn.then(() => readHidden(`Passphrase for ${identity}: `))
  asked.set(identity, answer)
  // One question at a time, also when many connections start at once.
  turn = answer.catch(() => undefined)
  return answer
}

async function readHidden(prompt: string): Promise<Secret> {
  process.stderr.write(prompt)
  process.stdin.setRawMode(true)
  process.stdin.resume()
  const { promise, resolve } = Promise.withResolvers<Secret>()
  let typed = ''
  const onData = (chunk: Buffer): void => {
    for (const character of chunk.toString('utf8')) {
      if (character === '\r' || character === '\n') {
        resolve(new Secret(typed))
        return
      }
      // In raw mode the terminal no longer turns Ctrl-C into a signal.
      if (character === '\u0003') process.kill(process.pid, 'SIGINT')
      else if (character === '\u007f') typed = typed.slice(0, -1)
      else typed += character
    }
  }
  process.stdin.on('data', onData)
  try {
    return await promise
  } finally {
    process.stdin.off('data', onData)
    process.stdin.setRawMode(false)
    process.stdin.pause()
    process.stderr.write('\n')
  }
}
