// One line of ssh_config as OpenSSH's client takes it apart (readconf.c and misc.c: strdelim, argv_split): the keyword ends at a
// blank, a quote or one `=`; arguments may be quoted in part; a `#` begins a comment only where an argument could begin.

export interface ConfigLine {
  /** In lower case. */
  readonly keyword: string
  readonly args: readonly string[]
  /** Everything behind the keyword as it was written, without blanks at its ends. */
  readonly rest: string
}

/** Undefined for an empty line and a comment; a text is what is wrong with the line (`expected ..., found ...`). */
export function splitLine(line: string): ConfigLine | string | undefined {
  const text = line.replace(/^[ \t\r\n]+/, '').replace(/[ \t\r\n\f]+$/, '')
  if (text === '' || text.startsWith('#')) return undefined
  const first = nextWord(text)
  if (first === undefined) return 'expected a keyword, found a quote without its end'
  const keyword = first.word.toLowerCase()
  if (keyword === '') return 'expected a keyword, found none'
  if (first.rest === '') return `expected a value after ${quotedKeyword(keyword)}, found nothing`
  const args = splitArguments(first.rest)
  if (args === undefined) return 'expected quotes in pairs, found one without its end'
  if (args.length === 0) return `expected a value after ${quotedKeyword(keyword)}, found only a comment`
  return { keyword, args, rest: first.rest }
}

/** The first word and what follows it (empty: nothing); undefined when a quote has no end. Criteria of Match are taken apart by this too. */
export function nextWord(text: string): { readonly word: string; readonly rest: string } | undefined {
  const end = text.search(/[ \t\r\n"=]/)
  if (end < 0) return { word: text, rest: '' }
  if (text[end] === '"') {
    const close = text.indexOf('"', end + 1)
    if (close < 0) return undefined
    return { word: text.slice(0, end) + text.slice(end + 1, close), rest: withoutBlanks(text.slice(close + 1)) }
  }
  const after = withoutBlanks(text.slice(end + 1))
  const rest = text[end] !== '=' && after.startsWith('=') ? withoutBlanks(after.slice(1)) : after
  return { word: text.slice(0, end), rest }
}

function withoutBlanks(text: string): string {
  return text.replace(/^[ \t\r\n]+/, '')
}

/** Undefined when a quote has no end. */
function splitArguments(text: string): readonly string[] | undefined {
  const args: string[] = []
  let at = 0
  for (;;) {
    while (isBlank(text[at])) at += 1
    if (at >= text.length || text[at] === '#') return args
    let quote: string | undefined
    let word = ''
    for (; at < text.length; at += 1) {
      const character = text.charAt(at)
      const next = text.charAt(at + 1)
      if (character === '\\' && (/["'\\]/.test(next) || (quote === undefined && next === ' '))) {
        word += next
        at += 1
      } else if (quote === undefined && isBlank(character)) break
      else if (quote === undefined && (character === '"' || character === "'")) quote = character
      else if (character === quote) quote = undefined
      else word += character
    }
    if (quote !== undefined) return undefined
    args.push(word)
  }
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

function quotedKeyword(keyword: string): string {
  return JSON.stringify(keyword.slice(0, 80))
}
