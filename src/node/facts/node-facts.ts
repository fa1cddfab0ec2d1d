// What a node said of itself, as values. Whatever it could not say is undefined (or an empty text), never a guess.
import { stripVTControlCharacters } from 'node:util'
import { FleetError } from '../../core/index.ts'

/** What happened to the folder of a moment that was made where root is, or is going to be. */
const PLACE_STATES = ['good', 'noexec', 'full', 'denied', 'hung', 'relative'] as const
export type PlaceState = (typeof PLACE_STATES)[number]

/** Infinity: unlimited. */
export interface Limit {
  readonly soft: number
  readonly hard: number
}

export interface NodeFacts {
  /** As os-release(5) names it. */
  readonly os: string
  readonly kernel: string
  readonly arch: string
  /** For example `glibc 2.36` or `musl 1.2.5`. */
  readonly libc: string
  readonly cores: number | undefined
  readonly memoryBytes: number | undefined
  readonly user: string
  readonly uid: number | undefined
  readonly home: string
  /** Absolute path of the login shell. */
  readonly shell: string
  /** The address from which the node sees us (sshd's SSH_CONNECTION), empty if unknown. */
  readonly controlAddress: string
  readonly missingTools: readonly string[]
  /** The job's folder, or the nearest one above it that is there. Absolute, unless the state is `relative`. */
  readonly place: string
  readonly placeState: PlaceState
  /** What the node said when it refused. */
  readonly placeSaid: string
  /** For an ordinary user: what is kept for root does not count. */
  readonly disk: { readonly freeBytes: number; readonly freeInodes: number; readonly inodes: number } | undefined
  /** As /proc/mounts names it: `ext4`, `nfs4`, `fuse.sshfs`. */
  readonly filesystem: string
  /** Those of its mount, for example `rw,noexec`. */
  readonly mountOptions: string
  readonly openFiles: Limit | undefined
  readonly processes: Limit | undefined
  /** Undefined: this user cannot see other users' processes. */
  readonly cronRuns: boolean | undefined
  /** `usable`, `absent`, or what crontab said. */
  readonly crontab: string
  /** Undefined without systemd. */
  readonly linger: boolean | undefined
  readonly killsUserProcesses: boolean | undefined
  /** Of sshd: names in lower case, as `sshd -T` prints them; what is not known is not there. */
  readonly sshd: Readonly<Record<string, string>>
  /** Where those come from: `sshd` itself, its `file` (defaults unknown), or nowhere. */
  readonly sshdSource: string
  /** The node's wall clock when it began and when it had done, in milliseconds since the epoch, and how finely it was read. */
  readonly clock: { readonly beganMs: number; readonly endedMs: number; readonly stepMs: number } | undefined
}

/** Reads the output of `factsCommand`. Throws FLEET_NODE_BAD_FACTS when it is not whole. */
export function parseFacts(stdout: string): NodeFacts {
  const lines = stdout.trim().split('\n')
  if (lines[0] !== 'fleet-facts 1' || lines.at(-1) !== 'fleet-facts-end') throw badFacts(lines)
  const values = new Map<string, string>()
  for (const line of lines) {
    const tab = line.indexOf('\t')
    if (tab > 0) values.set(line.slice(0, tab), clean(line.slice(tab + 1)))
  }
  const text = (key: string): string => values.get(key) ?? ''
  const state = text('place_state')
  const placeState = PLACE_STATES.find((candidate) => candidate === state)
  if (placeState === undefined) throw badFacts(lines)
  const memoryKib = numberOf(text('memory_kib'))
  return {
    os: text('os'),
    kernel: text('kernel'),
    arch: text('arch'),
    libc: text('libc'),
    cores: numberOf(text('cores')),
    memoryBytes: memoryKib === undefined ? undefined : memoryKib * 1024,
    user: text('user'),
    uid: numberOf(text('uid')),
    home: text('home'),
    shell: text('shell'),
    controlAddress: text('control'),
    missingTools: text('missing')
      .split(' ')
      .filter((tool) => tool !== ''),
    place: text('place'),
    placeState,
    placeSaid: text('place_said'),
    disk: diskOf(text('disk')),
    filesystem: text('filesystem'),
    mountOptions: text('mount_options'),
    openFiles: limitOf(text('open_files')),
    processes: limitOf(text('processes')),
    cronRuns: booleanOf(text('cron_daemon')),
    crontab: text('crontab'),
    linger: booleanOf(text('linger')),
    killsUserProcesses: booleanOf(text('kills_user_processes')),
    sshd: Object.fromEntries(
      [...values].flatMap(([key, value]) => (key.startsWith('sshd.') ? [[key.slice('sshd.'.length), value]] : [])),
    ),
    sshdSource: text('sshd_source'),
    clock: clockOf(text('began'), text('ended')),
  }
}

/** A node's words go to a terminal. */
function clean(text: string): string {
  // eslint-disable-next-line no-control-regex
  const printable = stripVTControlCharacters(text.slice(0, 1000)).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
  return printable.trim()
}

function numberOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function booleanOf(text: string): boolean | undefined {
  return text === 'yes' ? true : text === 'no' ? false : undefined
}

function diskOf(text: string): NodeFacts['disk'] {
  const [blockBytes, freeBlocks, , freeInodes, inodes] = text.split(' ').map(numberOf)
  if (blockBytes === undefined || freeBlocks === undefined) return undefined
  return { freeBytes: blockBytes * freeBlocks, freeInodes: freeInodes ?? 0, inodes: inodes ?? 0 }
}

function limitOf(text: string): Limit | undefined {
  const [soft, hard] = text.split(' ').map((word) => (word === 'unlimited' ? Infinity : numberOf(word)))
  return soft === undefined || hard === undefined ? undefined : { soft, hard }
}

/** Each is `SECONDS NANOSECONDS`, or only seconds where date(1) knows no %N: then the middle of that second is taken. */
function clockOf(began: string, ended: string): NodeFacts['clock'] {
  const isFine = /^\d+ \d{9}$/.test(began)
  const [beganMs, endedMs] = [began, ended].map((text) => {
    const [seconds = '', nanoseconds] = text.split(' ')
    const whole = numberOf(seconds)
    return whole === undefined ? undefined : whole * 1000 + (isFine ? Number(nanoseconds) / 1e6 : 500)
  })
  return beganMs === undefined || endedMs === undefined ? undefined : { beganMs, endedMs, stepMs: isFine ? 0 : 1000 }
}

function badFacts(lines: readonly string[]): FleetError {
  return new FleetError(
    'FLEET_NODE_BAD_FACTS',
    `expected the facts of a node from "fleet-facts 1" to "fleet-facts-end", got ${JSON.stringify(clean(lines.join(' ')).slice(0, 300))}`,
    { remedy: 'run fleet check again; if it stays, look at what `sh` is on that node' },
  )
}
