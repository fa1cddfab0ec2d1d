// What the nodes are, a line for each fact: equal values once, with their nodes folded. Numbers as the middle and the extreme.
import { foldNodes } from '../../config/index.ts'
import { formatDuration, formatSize } from '../../core/index.ts'
import type { NodeCheck, NodeResult } from '../../fleet/index.ts'
import type { Output } from './output.ts'
import { wrap } from './wrap.ts'

interface Reached {
  readonly node: string
  readonly check: NodeCheck
}

const WIDTH = 100
const INDENT = 14
/** More different values than these are no summary. */
const MAX_VALUES = 6

export function summaryLines(results: readonly NodeResult<NodeCheck>[], style: Output['style']): string[] {
  const reached = results.flatMap((result) => (result.ok ? [{ node: result.node, check: result.value }] : []))
  if (reached.length === 0) return []
  const row = (title: string, text: string): string[] =>
    text === '' ? [] : wrap(text, { first: style('dim', title), indent: INDENT, width: WIDTH })
  const equal = (title: string, valueOf: (check: NodeCheck) => string): string[] =>
    row(title, equalValues(reached, valueOf))
  return [
    ...equal('OS', ({ facts }) => facts.os),
    ...equal('kernel', ({ facts }) => `${facts.kernel} ${facts.arch}`),
    ...equal('libc', ({ facts }) => facts.libc),
    ...equal('machine', ({ facts }) => `${facts.cores ?? '?'} cores, ${sizeOf(facts.memoryBytes)}`),
    ...equal('login', ({ facts }) => `${facts.user}, ${facts.shell}`),
    ...equal('lacking', ({ facts }) => facts.missingTools.join(' ')),
    ...equal('root', ({ facts }) => `${facts.filesystem} (${facts.place})`),
    ...row(
      'disk free',
      extreme(reached, ({ facts }) => facts.disk?.freeBytes, 'least', formatSize),
    ),
    ...equal('open files', ({ facts }) => limitText(facts.openFiles)),
    ...equal('sshd', ({ connection }) => connection?.greeting.replace(/^SSH-2\.0-/, '') ?? ''),
    ...equal('hashed', ({ hashed }) => (hashed === undefined ? '' : countedTrees(hashed.length))),
    ...row(
      'clock',
      extreme(reached, ({ clock }) => clock && Math.abs(clock.offsetMs) + clock.doubtMs, 'most', within),
    ),
    ...row(
      'connect',
      extreme(reached, ({ connectMs }) => connectMs, 'most', formatDuration),
    ),
    ...row('', slowestPhases(reached)),
  ]
}

/** `Debian 12: node[01-48]; Debian 13: node49`; only the value where all have the same. The most frequent first. */
function equalValues(reached: readonly Reached[], valueOf: (check: NodeCheck) => string): string {
  const groups = new Map<string, string[]>()
  for (const { node, check } of reached) {
    const value = valueOf(check)
    groups.set(value, [...(groups.get(value) ?? []), node])
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length)
  const told = sorted.filter(([value]) => value !== '')
  const [only] = told
  if (only !== undefined && sorted.length === 1) return only[0]
  const texts = told.slice(0, MAX_VALUES).map(([value, nodes]) => `${value}: ${foldNodes(nodes)}`)
  if (told.length > MAX_VALUES) texts.push(`and ${told.length - MAX_VALUES} more values (-v)`)
  return texts.join('; ')
}

/** The median, and the extreme with its node where there is more than one. */
function extreme(
  reached: readonly Reached[],
  numberOf: (check: NodeCheck) => number | undefined,
  which: 'least' | 'most',
  format: (value: number) => string,
): string {
  const numbers = reached.flatMap(({ node, check }) => {
    const value = numberOf(check)
    return value === undefined ? [] : [{ node, value }]
  })
  numbers.sort((a, b) => a.value - b.value)
  const middle = numbers[Math.floor((numbers.length - 1) / 2)]
  const end = which === 'least' ? numbers[0] : numbers.at(-1)
  if (middle === undefined || end === undefined) return ''
  const text = format(middle.value)
  return numbers.length === 1 ? text : `median ${text}, ${which} ${format(end.value)} (${end.node})`
}

/** Where the time went at the node that took longest. */
function slowestPhases(reached: readonly Reached[]): string {
  const slowest = reached.reduce((a, b) => (b.check.connectMs > a.check.connectMs ? b : a))
  const phases = slowest.check.connection?.phases
  if (phases === undefined) return ''
  const parts = [
    ['waiting', phases.queueMs],
    ['name', phases.dnsMs],
    ['TCP', phases.connectMs],
    ['greeting', phases.bannerMs],
    ['keys', phases.keyExchangeMs],
    ['login', phases.authenticationMs],
  ] as const
  return `${slowest.node}: ${parts.map(([name, ms]) => `${name} ${formatDuration(ms)}`).join(', ')}`
}

function countedTrees(number: number): string {
  return number === 1 ? '1 tree' : `${number} trees`
}

/** The clock cannot be further off than what was measured and its doubt. */
function within(ms: number): string {
  return `within ${formatDuration(ms)}`
}

function sizeOf(bytes: number | undefined): string {
  return bytes === undefined ? 'memory unknown' : formatSize(bytes)
}

function limitText(limit: NodeCheck['facts']['openFiles']): string {
  if (limit === undefined) return ''
  const [soft, hard] = [limit.soft, limit.hard].map((value) => (value === Infinity ? 'unlimited' : String(value)))
  return soft === hard ? String(soft) : `${soft}, at most ${hard}`
}
