// What a job has left on a node, as values.
import { FleetError } from '../../core/index.ts'

export interface JobTraces {
  /** Absolute. */
  readonly base: string
  /** `odd`: there, but not to be removed; `why` goes on after the path. */
  readonly place: { readonly kind: 'job' | 'absent' } | { readonly kind: 'odd'; readonly why: string }
  /** What an uninstall that was cut off has left. Absolute. */
  readonly leftovers: readonly string[]
  /** Slots in which a supervisor, a worker or a worker's command lives. */
  readonly slots: readonly string[]
  /** How many slots are to be up, by what the operator last said; those that have finished do not count. */
  readonly wanted: number
  readonly keepers: readonly KeeperTrace[]
  readonly processes: readonly ProcessTrace[]
  /** What lies in the base, in bytes on the disk; empty when it was not asked for. */
  readonly parts: readonly { readonly name: string; readonly sizeBytes: number }[]
  /** Absolute; empty when it is not there. */
  readonly root: string
  /** Names of what else lies in root: other jobs, `.bin`. */
  readonly beside: readonly string[]
}

export interface KeeperTrace {
  readonly keeper: string
  /** `absent`: the node has no such keeper. `unreadable`: it cannot be told, and `said` is why. */
  readonly state: 'line' | 'none' | 'absent' | 'unreadable'
  readonly said: string
}

export interface ProcessTrace {
  readonly pid: number
  /** `ours`: a supervisor, a worker, or what one started. `fleet`: a command of fleet's at work there. `other`: somebody who looks. */
  readonly kind: 'ours' | 'fleet' | 'other'
  readonly name: string
}

/** Reads what `lookCommand` printed. Throws FLEET_NODE_BAD_FACTS for anything else, cut output included. */
export function parseTraces(stdout: string): JobTraces {
  const lines = stdout.split('\n')
  const first = lines.indexOf('fleet-traces 1')
  if (first === -1 || lines.at(-1) !== '' || lines.at(-2) !== 'end') throw badTraces('a whole answer', lines.at(-2))
  const facts = lines.slice(first + 1, -2).map((line) => {
    const tab = line.indexOf('\t')
    return { name: line.slice(0, Math.max(0, tab)), value: line.slice(tab + 1) }
  })
  const all = (name: string): string[] => facts.filter((fact) => fact.name === name).map(({ value }) => value)
  const one = (name: string): string => all(name)[0] ?? ''
  const base = one('base')
  if (!base.startsWith('/')) throw badTraces('the path of the job', base)
  return {
    base,
    place: placeOf(one('place'), one('why')),
    leftovers: all('leftover'),
    slots: all('slot'),
    wanted: numberOf(one('wanted') || '0'),
    keepers: all('keeper').map(keeperOf),
    processes: all('process').map(processOf),
    parts: all('part').map((text) => {
      const [kib, name] = split(text)
      return { name, sizeBytes: numberOf(kib) * 1024 }
    }),
    root: one('root'),
    beside: all('beside'),
  }
}

function placeOf(kind: string, why: string): JobTraces['place'] {
  if (kind === 'job' || kind === 'absent') return { kind }
  if (kind === 'odd') return { kind, why }
  throw badTraces('job, absent or odd', kind)
}

function keeperOf(text: string): KeeperTrace {
  const [keeper, rest] = split(text)
  const [state, said] = split(rest)
  if (state === 'line' || state === 'none' || state === 'absent' || state === 'unreadable')
    return { keeper, state, said }
  throw badTraces('what a keeper says', text)
}

function processOf(text: string): ProcessTrace {
  const [pid, rest] = split(text)
  const [kind, name] = split(rest)
  if (kind === 'ours' || kind === 'fleet' || kind === 'other') return { pid: numberOf(pid), kind, name }
  throw badTraces('a process', text)
}

/** The first word, and what follows it. */
function split(text: string): [string, string] {
  const blank = text.indexOf(' ')
  return blank === -1 ? [text, ''] : [text.slice(0, blank), text.slice(blank + 1)]
}

function numberOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw badTraces('a number', text)
}

function badTraces(expected: string, found: string | undefined): FleetError {
  return new FleetError(
    'FLEET_NODE_BAD_FACTS',
    `expected ${expected} in what the node says of the job, found ${JSON.stringify((found ?? '').slice(0, 300))}`,
    { remedy: 'run it again; if it stays, look at what sh is on that node' },
  )
}
