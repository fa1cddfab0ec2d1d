// Everything that is wrong with a file is told in one run. A problem is one line that names the place, what was expected
// and what was found; all of them together become one FleetError.
import { FleetError } from '../core/index.ts'

export interface Place {
  /** From 1. */
  readonly line: number
  /** From 1, in characters. */
  readonly column: number
}

export interface Problem extends Place {
  /** The file as the operator named it. */
  readonly file: string
  /** For example `expected a whole number from 1 to 65535, found 0 (number)`. */
  readonly message: string
}

const SHOWN_PROBLEMS = 100
const SHOWN_CHARACTERS = 80

/** One FLEET_CONFIG_INVALID whose message has one line per problem, in the order of the file; at most 100 lines, then a count of the rest. */
export function invalidError(problems: readonly Problem[], cause?: unknown): FleetError {
  const ordered = problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  const lines = ordered
    .slice(0, SHOWN_PROBLEMS)
    .map((problem) => `${placeText(problem.file, problem)}: ${problem.message}`)
  if (ordered.length > SHOWN_PROBLEMS) lines.push(`and ${ordered.length - SHOWN_PROBLEMS} more problems`)
  return new FleetError('FLEET_CONFIG_INVALID', lines.join('\n'), {
    remedy: 'correct the lines named and run the command again',
    cause,
  })
}

/** `fleet.yml:12:5`, which editors and terminals turn into a link. */
export function placeText(file: string, place: Place): string {
  return `${file}:${place.line}:${place.column}`
}

/** A value with its type, short enough for one line: `"abc" (string)`, `7 (number)`, `a list`, `nothing`. */
export function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'nothing (null)'
  if (Array.isArray(value)) return describeList(value)
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') return `${quoted(value)} (string)`
  return typeof value === 'number' || typeof value === 'boolean'
    ? `${String(value)} (${typeof value})`
    : `a ${typeof value}`
}

function describeList(list: readonly unknown[]): string {
  const isShort = list.length <= 3 && list.every((item) => typeof item !== 'object')
  return isShort ? `${JSON.stringify(list).slice(0, SHOWN_CHARACTERS)} (list)` : `a list of ${list.length}`
}

/** Text in double quotes with control characters escaped, cut after 80 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text)
}
