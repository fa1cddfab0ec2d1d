// Long sentences on a terminal: broken between words, and below their own beginning.
import { stripVTControlCharacters } from 'node:util'

export interface WrapOptions {
  /** What stands before the text, on its first line. */
  readonly first: string
  /** Column where the text begins. */
  readonly indent: number
  /** Columns of a line; a longer word stands alone and sticks out. */
  readonly width: number
}

/** Widths are counted without colour codes. At least one line. A list of node names may also be broken after a comma. */
export function wrap(text: string, { first, indent, width }: WrapOptions): string[] {
  const lines: string[] = []
  let line = first.padEnd(indent + first.length - length(first))
  let isEmpty = true
  for (const word of text.split(/(?<= )|(?<=,(?=\S{40}))/)) {
    if (!isEmpty && length(line) + length(word.trimEnd()) > width) {
      lines.push(line.trimEnd())
      line = ' '.repeat(indent)
    }
    line += word
    isEmpty = false
  }
  return [...lines, line.trimEnd()]
}

function length(text: string): number {
  return stripVTControlCharacters(text).length
}
