// What the operator wants to be run everywhere, as a command for a node.
import { FleetError } from '../core/index.ts'
import type { NodeCommand } from './command.ts'

/**
 * One word is a line for `sh` on the node; several are a program and its arguments, which no shell sees. Throws
 * FLEET_NODE_BAD_ARGUMENT for what could not arrive as it was meant.
 */
export function execCommand(words: readonly [string, ...string[]]): NodeCommand {
  for (const word of words) {
    // Node reads the command line as UTF-8; what was not UTF-8 is lost before anybody sees it.
    if (word.includes('\uFFFD'))
      throw badWord(`expected words of UTF-8, found ${JSON.stringify(word)}, which has other bytes`)
  }
  const [program] = words
  if (words.length === 1) {
    if (program.trim() === '') throw badWord('expected a command, found an empty one')
    return { name: 'exec', script: program, args: [] }
  }
  // `exec` would take it as an option of its own.
  if (program === '' || program.startsWith('-'))
    throw badWord(`expected the name of a program, found ${JSON.stringify(program)}`)
  return { name: 'exec', script: 'exec "$@"', args: words }
}

function badWord(message: string): FleetError {
  return new FleetError('FLEET_NODE_BAD_ARGUMENT', message, {
    remedy:
      "several words are a program and its arguments (fleet exec -- df -h /), one word is a line for sh (fleet exec -- 'df -h | tail -1')",
  })
}
