// The heads of blocks, Host and Match: made once when a file is read, and asked once for every node.
import { quoted } from '../problem.ts'
import { nextWord } from './line.ts'
import { compilePattern, compilePatternList, type Matcher } from './pattern.ts'

/** What is known of a node while the files are gone through. */
export interface Circumstances {
  /** The name that is looked up; in the final pass the one that HostName gave. */
  readonly name: string
  readonly originalName: string
  /** As far as it is decided at this line. */
  readonly hostName: () => string
  readonly user: () => string
  readonly localUser: string
  readonly isFinalPass: boolean
}

/** What a head says of a node. `unknown`: it would be met if the criteria named there were, and fleet cannot tell. */
export interface Verdict {
  readonly isMet: boolean
  readonly unknown: readonly string[]
}

export interface Condition {
  readonly judge: (now: Circumstances) => Verdict
  /** The only names for which it can be met; undefined when only `judge` can tell. */
  readonly names: readonly string[] | undefined
  /** It asks for a second pass (`Match final`), which OpenSSH then makes for every name. */
  readonly wantsFinalPass: boolean
}

const YES: Verdict = { isMet: true, unknown: [] }
const NO: Verdict = { ...YES, isMet: false }

/** `Host PATTERN...`; a text is what is wrong with it. */
export function hostCondition(args: readonly string[]): Condition | string {
  if (args.includes('')) return 'expected patterns, found an empty one'
  const patterns = args.map((arg) => {
    const isNegated = arg.startsWith('!')
    return { isNegated, matches: compilePattern(isNegated ? arg.slice(1) : arg) }
  })
  const judge = ({ name }: Circumstances): Verdict => {
    let isMet = false
    for (const pattern of patterns) {
      if (!pattern.matches(name)) continue
      if (pattern.isNegated) return NO
      isMet = true
    }
    return isMet ? YES : NO
  }
  const hasNamesOnly = !args.some((arg) => /^!|[*?]/.test(arg))
  return { judge, names: hasNamesOnly ? args : undefined, wantsFinalPass: false }
}

interface Criterion {
  readonly isNegated: boolean
  readonly test: (now: Circumstances) => boolean | 'unknown'
  readonly word: string
  readonly isFinal: boolean
}

/** Criteria that OpenSSH knows and that depend on a command, on this machine's network, or on how ssh was called. */
const UNKNOWABLE = new Set(['exec', 'localnetwork', 'tagged', 'version', 'sessiontype', 'command'])

/** `Match CRITERION...`; a text is what is wrong with it. */
export function matchCondition(rest: string): Condition | string {
  const criteria = parseCriteria(rest)
  if (typeof criteria === 'string') return criteria
  const judge = (now: Circumstances): Verdict => {
    const unknown: string[] = []
    for (const { test, isNegated, word } of criteria) {
      const answer = test(now)
      if (answer === 'unknown') unknown.push(word)
      else if (answer === isNegated) return NO
    }
    return unknown.length === 0 ? YES : { isMet: false, unknown }
  }
  return { judge, names: undefined, wantsFinalPass: criteria.some(({ isFinal }) => isFinal) }
}

function parseCriteria(rest: string): readonly Criterion[] | string {
  const criteria: Criterion[] = []
  let text = rest
  while (text !== '' && !text.startsWith('#')) {
    const word = nextWord(text)
    if (word === undefined) return 'expected quotes in pairs, found one without its end'
    const isNegated = word.word.startsWith('!')
    const name = word.word.slice(isNegated ? 1 : 0).toLowerCase()
    text = word.rest
    if (name === 'all') {
      const isAlone = criteria.length <= 1 && (text === '' || text.startsWith('#'))
      if (!isAlone) return 'expected "all" alone, found it among other criteria'
      return [...criteria, { isNegated, test: () => true, word: name, isFinal: false }]
    }
    if (name === 'final' || name === 'canonical') {
      criteria.push({ isNegated, test: (now) => now.isFinalPass, word: name, isFinal: name === 'final' })
      continue
    }
    const test = testFor(name)
    if (test === undefined) return `expected host, originalhost, user, localuser, final or all, found ${quoted(name)}`
    const argument = text === '' || text.startsWith('#') ? undefined : nextWord(text)
    if (argument === undefined || argument.word === '') return `expected a value after ${quoted(name)}, found nothing`
    criteria.push({ isNegated, test: test(argument.word), word: name, isFinal: false })
    text = argument.rest
  }
  return criteria.length === 0 ? 'expected criteria after Match, found none' : criteria
}

function testFor(name: string): ((list: string) => Criterion['test']) | undefined {
  if (UNKNOWABLE.has(name)) return () => () => 'unknown'
  switch (name) {
    // OpenSSH compares names of hosts without regard to case here, though not after Host.
    case 'host':
      return (list) => on(compilePatternList(list.toLowerCase()), (now) => now.hostName().toLowerCase())
    case 'originalhost':
      return (list) => on(compilePatternList(list.toLowerCase()), (now) => now.originalName.toLowerCase())
    case 'user':
      return (list) => on(compilePatternList(list), (now) => now.user())
    case 'localuser':
      return (list) => on(compilePatternList(list), (now) => now.localUser)
    default:
      return undefined
  }
}

function on(matches: Matcher, value: (now: Circumstances) => string): (now: Circumstances) => boolean {
  return (now) => matches(value(now))
}
