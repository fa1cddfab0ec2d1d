// A yes or a no, by one key on a terminal in raw mode: bytes in, an answer out. Pure.
import type { HiddenLine, Typed } from './hidden-line.ts'

/** Its line is `y` or `n`. */
export function createYesNo(): HiddenLine {
  return {
    type: (bytes) => {
      for (const byte of bytes) {
        const typed = answerOf(String.fromCharCode(byte))
        if (typed !== undefined) return typed
      }
      return { kind: 'more' }
    },
  }
}

function answerOf(key: string): Typed | undefined {
  switch (key) {
    case 'y':
    case 'Y':
      return { kind: 'line', text: 'y' }
    case 'n':
    case 'N':
      return { kind: 'line', text: 'n' }
    case '\u0003':
      return { kind: 'interrupt' }
    case '\u0004':
      return { kind: 'end' }
    default:
      return undefined
  }
}
