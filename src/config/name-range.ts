// Many names in one word: `node[01:48]`, `rack[a:c]-[1:8].example.net`, `node[01-04,07],other`. Both `:` and `-` stand
// between the ends of a range; a leading zero fixes the width; `[1:9:2]` has a step, as in Ansible. Nothing is expanded before
// its size is known.
import { FleetError } from '../core/index.ts'

/** More nodes than any fleet has; a slip of the finger in a range must not eat the memory of the control machine. */
export const MAX_NAMES = 100_000

const BRACKETS = /\[([^[\]]*)\]/g
const ITEM = /^(?:(\d{1,9})|([a-z])|([A-Z]))(?:[:-](?:(\d{1,9})|([a-z])|([A-Z]))(?::(\d{1,9}))?)?$/

/** One axis of a name: a fixed text, or the texts that a pair of brackets stands for. */
type Part = readonly string[]

/**
 * The names that `text` stands for, in order, repeated ones kept: the inverse of `foldNodes`. Commas outside brackets part names.
 * Throws FLEET_CONFIG_BAD_RANGE, also for more than MAX_NAMES names.
 */
export function expandRange(text: string): readonly string[] {
  const names: string[] = []
  for (const word of splitOutsideBrackets(text, ',')) {
    for (const name of expandName(word.trim())) names.push(name)
    checkSize(names.length, text)
  }
  return names
}

/** The same for one name; a comma outside brackets is part of the name. */
export function expandName(text: string): readonly string[] {
  if (!/[[\]]/.test(text)) return [text]
  const parts: Part[] = []
  let end = 0
  for (const match of text.matchAll(BRACKETS)) {
    parts.push([plainText(text.slice(end, match.index), text)], expandBrackets(match[1] ?? '', text))
    end = match.index + match[0].length
  }
  parts.push([plainText(text.slice(end), text)])
  checkSize(
    parts.reduce((product, part) => product * part.length, 1),
    text,
  )
  return parts.reduce<readonly string[]>(
    (names, part) => names.flatMap((name) => part.map((piece) => name + piece)),
    [''],
  )
}

/** Splits at `separator`, but not inside brackets. Empty pieces are kept. */
export function splitOutsideBrackets(text: string, separator: ',' | ':'): readonly string[] {
  const pieces: string[] = []
  let depth = 0
  let start = 0
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]
    if (character === '[') depth += 1
    else if (character === ']') depth -= 1
    else if (character === separator && depth <= 0) {
      pieces.push(text.slice(start, index))
      start = index + 1
    }
  }
  return [...pieces, text.slice(start)]
}

function plainText(piece: string, whole: string): string {
  if (/[[\]]/.test(piece)) throw badRange('brackets in pairs, not inside each other', whole)
  return piece
}

function expandBrackets(content: string, whole: string): Part {
  const pieces: string[] = []
  for (const item of content.split(',')) {
    // Ansible lets a range that starts at 0 leave the 0 out.
    const match = ITEM.exec(item.startsWith(':') ? `0${item}` : item)
    if (match === null) throw badRange('ranges such as [01:50], [a:f] or [1:9:2]', whole)
    const [, fromNumber, fromLower, fromUpper, toNumber, toLower, toUpper, stepText] = match
    const from = fromNumber ?? fromLower ?? fromUpper ?? ''
    const to = toNumber ?? toLower ?? toUpper ?? from
    const step = Number(stepText ?? 1)
    if (step < 1) throw badRange('a step of at least 1', whole)
    const isNumeric = fromNumber !== undefined
    const sameKind = isNumeric ? /^\d/.test(to) : fromLower === undefined ? /^[A-Z]$/.test(to) : /^[a-z]$/.test(to)
    if (!sameKind) throw badRange('two numbers or two letters of the same case as the ends of a range', whole)
    const found = isNumeric ? numbers(from, to, step, pieces.length, whole) : letters(from, to, step, whole)
    for (const piece of found) pieces.push(piece)
  }
  return pieces
}

function numbers(from: string, to: string, step: number, already: number, whole: string): readonly string[] {
  const isPadded = from.startsWith('0') && from.length > 1
  if ((isPadded || (to.startsWith('0') && to.length > 1)) && from.length !== to.length) {
    throw badRange('both ends of a zero padded range in the same width', whole)
  }
  const [first, last] = [Number(from), Number(to)]
  if (last < first) throw badRange('a range that does not run backwards', whole)
  const length = Math.floor((last - first) / step) + 1
  checkSize(already + length, whole)
  return Array.from({ length }, (_, index) => String(first + index * step).padStart(isPadded ? from.length : 1, '0'))
}

function letters(from: string, to: string, step: number, whole: string): readonly string[] {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)]
  if (last < first) throw badRange('a range that does not run backwards', whole)
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) =>
    String.fromCharCode(first + index * step),
  )
}

function checkSize(count: number, whole: string): void {
  if (count > MAX_NAMES) throw badRange(`at most ${MAX_NAMES} names`, whole, `, which stands for at least ${count}`)
}

function badRange(expected: string, found: string, more = ''): FleetError {
  return new FleetError(
    'FLEET_CONFIG_BAD_RANGE',
    `expected ${expected}, found ${JSON.stringify(found.slice(0, 200))}${more}`,
  )
}
