// Text split as Python's shlex does it (Ansible reads host lines and ssh arguments that way): quotes, backslashes, comments.

export interface Word {
  readonly text: string
  /** Where it starts, from 0. */
  readonly start: number
}

/** Undefined when a quote is not closed or nothing follows a backslash. With `comments`, an unquoted `#` ends the text, also inside a word. */
export function splitWords(text: string, { comments }: { readonly comments: boolean }): readonly Word[] | undefined {
  const words: Word[] = []
  let word: { readonly start: number; pieces: string[] } | undefined
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index)
    if (/\s/.test(character)) {
      if (word !== undefined) words.push({ text: word.pieces.join(''), start: word.start })
      word = undefined
      continue
    }
    if (comments && character === '#') break
    word ??= { start: index, pieces: [] }
    if (character === '\\') {
      index += 1
      if (index >= text.length) return undefined
      word.pieces.push(text.charAt(index))
    } else if (character === '"' || character === "'") {
      const end = endOfQuote(text, index)
      if (end === undefined) return undefined
      const inside = text.slice(index + 1, end)
      word.pieces.push(character === '"' ? inside.replace(/\\(["\\])/g, '$1') : inside)
      index = end
    } else {
      const plain = /[^\s\\"'#]+/y
      plain.lastIndex = index
      const run = plain.exec(text)?.[0] ?? character
      word.pieces.push(run)
      index += run.length - 1
    }
  }
  if (word !== undefined) words.push({ text: word.pieces.join(''), start: word.start })
  return words
}

function endOfQuote(text: string, start: number): number | undefined {
  const quote = text.charAt(start)
  for (let index = start + 1; index < text.length; index += 1) {
    const character = text.charAt(index)
    if (character === quote) return index
    if (character === '\\' && quote === '"') index += 1
  }
  return undefined
}
