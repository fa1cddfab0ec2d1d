// What a person types on a terminal that shows nothing: bytes in, one line out. Pure. The terminal is in raw mode, where the
// editing keys and Ctrl-C are bytes like any other. What was typed is kept nowhere else and is in no error.

export type Typed =
  | { readonly kind: 'more' }
  | { readonly kind: 'line'; readonly text: string }
  /** Ctrl-C. */
  | { readonly kind: 'interrupt' }
  /** Ctrl-D. */
  | { readonly kind: 'end' }
  /** `why` completes "what was typed ...". */
  | { readonly kind: 'unusable'; readonly why: string }

export interface HiddenLine {
  /** Takes bytes as they come, also halves of characters. What follows the end of the line, as in a paste of several lines, is dropped. */
  type(bytes: Uint8Array): Typed
}

/** Far above any password; a terminal that sends without end must not fill the memory. */
const MAX_CHARACTERS = 4096

export function createHiddenLine(): HiddenLine {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let line: string[] = []
  let sequence: 'none' | 'begun' | 'inside' = 'none'

  const key = (character: string): Typed | undefined => {
    if (sequence !== 'none') {
      sequence = nextOf(sequence, character)
      return undefined
    }
    switch (character) {
      case '\r':
      case '\n':
        return { kind: 'line', text: line.join('') }
      case '\u0003':
        return { kind: 'interrupt' }
      case '\u0004':
        return { kind: 'end' }
      case '\b':
      case '\u007f':
        line.pop()
        return undefined
      // Ctrl-U
      case '\u0015':
        line = []
        return undefined
      case '\u001b':
        sequence = 'begun'
        return undefined
      default:
        if (character >= ' ' || character === '\t') line.push(character)
        return line.length > MAX_CHARACTERS
          ? { kind: 'unusable', why: `is longer than ${MAX_CHARACTERS} characters` }
          : undefined
    }
  }

  return {
    type: (bytes) => {
      let text: string
      try {
        text = decoder.decode(bytes, { stream: true })
      } catch {
        return { kind: 'unusable', why: 'is not UTF-8' }
      }
      // By code points, as a terminal's own editing does it.
      for (const character of text) {
        const typed = key(character)
        if (typed !== undefined) return typed
      }
      return { kind: 'more' }
    },
  }
}

/** Arrow keys and their like come as ESC [ ... and a letter, or ESC O and a letter (ECMA-48 5.4); they are no part of a password. */
function nextOf(sequence: 'begun' | 'inside', character: string): 'none' | 'inside' {
  if (sequence === 'begun') return character === '[' || character === 'O' ? 'inside' : 'none'
  return character >= '@' && character <= '~' ? 'none' : 'inside'
}
