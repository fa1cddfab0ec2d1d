// What status.sh printed, as values. Anything that does not look exactly like it is refused: a wrong number in a status
// table is worse than none.
import { FleetError, parseSlotName, type SlotName } from '../core/index.ts'

const SLOT_STATES = [
  'running',
  'adopted',
  'backoff',
  'finished',
  'misconfigured',
  'blocked',
  'down',
  'unknown',
] as const
export type SlotState = (typeof SLOT_STATES)[number]

export interface SlotStatus {
  readonly slot: SlotName
  readonly state: SlotState
  /** Of the worker that lives, if one does. */
  readonly pid?: number
  /** Seconds since the slot came into the state that it reported last, if it ever did in this boot. */
  readonly forSeconds?: number
  /** Workers started in this slot since the job was last started. */
  readonly starts: number
  /** Of the last worker that ended under a supervisor; above 128: 128 + signal. */
  readonly lastExit?: number
  /** The release that its last worker was started from; its folder's name. */
  readonly release?: string
  readonly detail?: string
}

export interface NodeStatus {
  readonly job: string
  /** What is desired; `down` also where nothing was desired yet. */
  readonly state: 'up' | 'down'
  /** Number of slots desired, also while `state` is down. */
  readonly wanted: number
  /** 0 where nothing was desired yet. */
  readonly generation: number
  /** Digests of what `current` and `kit/current` lead to; undefined when there is none. */
  readonly release?: string
  readonly kit?: string
  readonly keeper: 'cron' | 'none'
  readonly uptimeSeconds: number
  readonly boot: string
  readonly slots: readonly SlotStatus[]
}

/** Reads the output of `statusCommand`. Throws FLEET_NODE_BAD_STATUS for anything else, cut output included. */
export function parseStatus(stdout: string): NodeStatus {
  const lines = stdout.split('\n')
  if (lines[0] !== 'fleet-node 1') throw badStatus('the line "fleet-node 1"', lines[0])
  if (lines.at(-1) !== '' || lines.at(-2) !== 'end') throw badStatus('the line "end" at the end', lines.at(-2))
  const body = lines.slice(1, -2)
  const fact = parseFacts(body.filter((line) => !line.startsWith('slot\t')))
  const uptimeSeconds = parseCount(fact('uptime'))
  return {
    job: fact('job'),
    state: parseWord(fact('state'), ['up', 'down']),
    wanted: parseCount(fact('slots')),
    generation: parseCount(fact('generation')),
    ...optional('release', fact('release'), String),
    ...optional('kit', fact('kit'), String),
    keeper: parseWord(fact('keeper'), ['cron', 'none']),
    uptimeSeconds,
    boot: fact('boot'),
    slots: body.filter((line) => line.startsWith('slot\t')).map((line) => parseSlot(line, uptimeSeconds)),
  }
}

/** A lookup by key that refuses a key which is not there; its value may be empty. */
function parseFacts(lines: readonly string[]): (key: string) => string {
  const values = new Map<string, string>()
  for (const line of lines) {
    const equals = line.indexOf('=')
    if (equals < 1) throw badStatus('key=value', line)
    values.set(line.slice(0, equals), line.slice(equals + 1))
  }
  return (key) => {
    const value = values.get(key)
    if (value === undefined) throw badStatus(`a line ${key}=...`, 'none')
    return value
  }
}

function parseSlot(line: string, uptimeSeconds: number): SlotStatus {
  const [, slot, state, pid, since, starts, lastExit, release, ...detail] = line.split('\t')
  if (slot === undefined || state === undefined || starts === undefined || detail.length !== 1)
    throw badStatus('a line of nine fields', line)
  return {
    slot: parseSlotOrRefuse(slot, line),
    state: parseWord(state, SLOT_STATES),
    ...optional('pid', pid, parseCount),
    // A state file from before a reboot counts from another boot.
    ...optional('forSeconds', since, (text) => Math.max(0, uptimeSeconds - parseCount(text))),
    starts: parseCount(starts),
    ...optional('lastExit', lastExit, parseCount),
    ...optional('release', release, String),
    ...optional('detail', detail[0], String),
  }
}

function parseSlotOrRefuse(text: string, line: string): SlotName {
  try {
    return parseSlotName(text)
  } catch (cause) {
    throw badStatus('the name of a slot', line, cause)
  }
}

/** An object with the key, or without it where the text is empty. */
function optional<Key extends string, Value>(
  key: Key,
  text: string | undefined,
  parse: (text: string) => Value,
): Partial<Record<Key, Value>> {
  return text === undefined || text === '' ? {} : ({ [key]: parse(text) } as Partial<Record<Key, Value>>)
}

function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw badStatus('a whole number', text)
  return Number(text)
}

function parseWord<Word extends string>(text: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === text)
  if (word === undefined) throw badStatus(words.join(', '), text)
  return word
}

function badStatus(expected: string, found: string | undefined, cause?: unknown): FleetError {
  return new FleetError(
    'FLEET_NODE_BAD_STATUS',
    `expected ${expected} in the status of a node, got ${JSON.stringify((found ?? '').slice(0, 300))}`,
    {
      remedy:
        'Run `fleet push` to renew the kit on this node; if it stays, look whether its login shell prints something.',
      cause,
    },
  )
}
