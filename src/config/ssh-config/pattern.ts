// Patterns: those of hosts and users (ssh_config(5), PATTERNS) and those of file names (glob(7)). Never a regular expression made
// from what a file says, so that no line can make a match slow: on a mismatch only the last star gives way, which takes at most
// length times length steps.

export type Matcher = (name: string) => boolean

/** One step of a pattern: a character, any one character, a run of any length, or one of a class. */
type Step = string | typeof ANY | typeof RUN | ((character: string) => boolean)
const ANY = Symbol('?')
const RUN = Symbol('*')

/** `*` and `?`; upper and lower case differ. */
export function compilePattern(pattern: string): Matcher {
  if (!/[*?]/.test(pattern)) return (name) => name === pattern
  if (/^\*+$/.test(pattern)) return () => true
  const steps = Array.from(pattern, (character): Step =>
    character === '*' ? RUN : character === '?' ? ANY : character,
  )
  return (name) => matches(steps, Array.from(name))
}

/** A comma-separated list: one of its patterns matches, and none of those that begin with `!`. A list of only such never matches. */
export function compilePatternList(list: string): Matcher {
  const patterns = list.split(',').map((item) => {
    const isNegated = item.startsWith('!')
    return { isNegated, matches: compilePattern(isNegated ? item.slice(1) : item) }
  })
  return (name) => {
    let isMatched = false
    for (const pattern of patterns) {
      if (!pattern.matches(name)) continue
      if (pattern.isNegated) return false
      isMatched = true
    }
    return isMatched
  }
}

/** One segment of a path with `*`, `?`, `[a-z]`, `[!a-z]` and `\`; a leading dot is matched by a dot only. Undefined when it is plain text. */
export function compileFileName(pattern: string): Matcher | undefined {
  if (!/[*?[]/.test(pattern)) return undefined
  const characters = Array.from(pattern)
  const steps: Step[] = []
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? ''
    const close = character === '[' ? endOfClass(characters, at) : -1
    if (character === '*') steps.push(RUN)
    else if (character === '?') steps.push(ANY)
    else if (close > 0) {
      steps.push(classOf(characters.slice(at + 1, close)))
      at = close
    } else if (character === '\\' && at + 1 < characters.length) {
      at += 1
      steps.push(characters[at] ?? '')
    } else steps.push(character)
  }
  return (name) => (!name.startsWith('.') || pattern.startsWith('.')) && matches(steps, Array.from(name))
}

/** A `]` right behind `[`, `[!` or `[^` belongs to the class. */
function endOfClass(characters: readonly string[], open: number): number {
  const first = /[!^]/.test(characters[open + 1] ?? '') ? open + 2 : open + 1
  return characters.indexOf(']', first + 1)
}

function classOf(inside: readonly string[]): (character: string) => boolean {
  const isNegated = inside[0] === '!' || inside[0] === '^'
  const items = isNegated ? inside.slice(1) : inside
  const ranges: [string, string][] = []
  for (let at = 0; at < items.length; at += 1) {
    const from = items[at] ?? ''
    const to = items[at + 1] === '-' ? items[at + 2] : undefined
    ranges.push([from, to ?? from])
    if (to !== undefined) at += 2
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== isNegated
}

function matches(steps: readonly Step[], name: readonly string[]): boolean {
  let step = 0
  let at = 0
  let run = -1
  let resume = 0
  while (at < name.length) {
    if (steps[step] === RUN) {
      run = step
      resume = at
      step += 1
    } else if (isOne(steps[step], name[at] ?? '')) {
      step += 1
      at += 1
    } else if (run >= 0) {
      resume += 1
      at = resume
      step = run + 1
    } else return false
  }
  while (steps[step] === RUN) step += 1
  return step === steps.length
}

function isOne(step: Step | undefined, character: string): boolean {
  return step === ANY || step === character || (typeof step === 'function' && step(character))
}
