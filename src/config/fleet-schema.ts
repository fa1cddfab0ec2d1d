// fleet.yml, once: its keys, kinds, limits, defaults and descriptions. What is refused, what is filled in, the JSON Schema
// and the reference of the documentation all come from here. No transforms, so that the schema stays printable.
import { z } from 'zod'
import { MAX_SLOTS, parseDuration } from '../core/index.ts'
import {
  argument,
  duration,
  environment,
  listenAddress,
  listOf,
  mapping,
  nodeFolder,
  text,
  variableName,
  wholeNumber,
} from './fields.ts'

const SECOND_MS = 1000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

const release = mapping({
  files: listOf(text('a path'), 'a list of paths')
    .default([])
    .describe(
      'Files, folders and globs (`*`, `?`, `[a-z]`, `**`) of a release, relative to fleet.yml. Each is placed under its last path segment, folders with everything in them except what a `.fleetignore` there names; executable bits are kept, and symbolic links whose target is in the release as well',
    ),
  keep: wholeNumber(1, 1000)
    .default(5)
    .describe(
      'Releases that stay on each node: the newest so many. Older ones are removed by a push, never one that is current, previous, or run by a worker',
    ),
  check: z
    .array(argument, { error: 'a list of arguments such as [./healthy, --quick]' })
    .min(1, { error: 'a list of at least one argument' })
    .refine(([program = '']) => !/^(?:-|$)/.test(program), { error: 'a list whose first item names a program' })
    .optional()
    .describe(
      'argv, never through a shell: run on each node of a batch once its release was switched, in the folder of the release, with FLEET_JOB, FLEET_NODE and FLEET_RELEASE; exit 0 is healthy, anything else fails the node',
    ),
  check_timeout: duration(SECOND_MS, HOUR_MS)
    .default('60s')
    .describe('A check that takes longer is ended, and counts as failed'),
  runtime: z
    .enum(['node'], { error: 'node' })
    .optional()
    .describe(
      'node: workers written in JavaScript find a Node on every node; where there is no recent enough one, a pinned one is put beside the releases',
    ),
})

const worker = mapping({
  kind: z
    .enum(['exec', 'native', 'copy'], { error: 'exec or native' })
    .refine((kind) => kind !== 'copy', { error: 'exec or native (the copy worker is not available in this version)' })
    .default('exec')
    .describe(
      'exec: the command is run once for every ID; native: it is started once per slot and speaks the worker protocol itself',
    ),
  command: z
    .array(argument, {
      error: 'a list of arguments such as [./main, --user, "{id}"]',
    })
    .min(1, { error: 'a list of at least one argument' })
    .refine((command) => command[0] !== '', { error: 'a list whose first item names a program' })
    .describe('argv, never through a shell; {id}, {slot} and {node} are replaced'),
  slots: wholeNumber(1, MAX_SLOTS)
    .default(1)
    .describe('Worker processes per node; an inventory variable may override it'),
  env: environment.default({}).describe('Environment of the workers'),
  secrets: listOf(variableName, 'a list of variable names')
    .default([])
    .describe(
      "Variables that are read from the operator's environment and stored 0600 on the nodes, never in argv or logs",
    ),
  grace: duration(0, HOUR_MS).default('30s').describe('TERM, then KILL after this'),
  timeout: duration(0, 365 * DAY_MS)
    .default(0)
    .describe('Upper bound for one ID; 0 = none'),
  keeper: z
    .enum(['auto', 'cron', 'none'], { error: 'auto, cron or none' })
    .default('auto')
    .describe('What brings supervisors back after a crash or reboot; auto: cron where it works'),
})
  .refine(({ env, secrets }) => !secrets.some((name) => Object.hasOwn(env, name)), {
    path: ['secrets'],
    error: 'names that are not in worker.env as well',
  })
  .describe('What works on the IDs')

const backoff = z
  .tuple([duration(0, DAY_MS), duration(0, 30 * DAY_MS)], {
    error: 'two durations [FIRST, LONGEST] such as [10s, 10m]',
  })
  .refine(([first, longest]) => parseDuration(String(first)) <= parseDuration(String(longest)), {
    error: 'two durations [FIRST, LONGEST] with FIRST at most LONGEST',
  })
  .describe('Wait before the first retry of an ID, and the longest wait')

const dispatcher = mapping({
  at: text('control')
    .refine((at) => at === 'control', { error: 'control (a dispatcher on a node is not available in this version)' })
    .default('control')
    .describe('Where the dispatcher runs: control, the machine of the operator'),
  listen: listenAddress.default('0.0.0.0:7070').describe('Where it listens'),
  url: z
    .url({ protocol: /^https?$/, error: 'a URL such as https://10.0.0.5:7070' })
    .optional()
    .describe('How nodes reach it; derived when left out'),
  ledger: text('the path of a SQLite file')
    .refine((ledger) => !/^[a-z][a-z0-9+]*:\/\//i.test(ledger), {
      error: 'the path of a SQLite file (PostgreSQL is not available in this version)',
    })
    .default('.fleet/ledger.db')
    .describe('The durable record of every ID: a SQLite file, relative to fleet.yml'),
  lease: duration(SECOND_MS, 7 * DAY_MS)
    .default('5m')
    .describe('A node that vanished is noticed after this; a restarted worker at once'),
  failures: wholeNumber(1, 1000).default(5).describe('Failures after which an ID is parked'),
  crashes: wholeNumber(1, 1000).default(3).describe('Crashes after which an ID is parked'),
  backoff: backoff.default(['10s', '10m']),
})

const timeouts = mapping({
  dns: duration(SECOND_MS, HOUR_MS).default('10s').describe('For a name to be resolved'),
  connect: duration(SECOND_MS, HOUR_MS).default('10s').describe('For the TCP connection'),
  banner: duration(SECOND_MS, HOUR_MS).default('20s').describe("For the server's greeting"),
  key_exchange: duration(SECOND_MS, HOUR_MS).default('20s').describe('For the key exchange'),
  authentication: duration(SECOND_MS, HOUR_MS).default('20s').describe('For the login'),
  channel: duration(SECOND_MS, HOUR_MS).default('20s').describe('For a channel to open on a connection that stands'),
  idle: duration(SECOND_MS, DAY_MS)
    .default('60s')
    .describe(
      'A command of fleet on which no byte moves for so long is given up; a node that answers nothing at all counts as lost after this, at most a minute',
    ),
})

const ssh = mapping({
  parallel: wholeNumber(1, 1000).default(10).describe('Nodes that are worked on at once'),
  per_endpoint: wholeNumber(1, 100)
    .default(8)
    .describe('Connections that may be in their handshake at once to one address and port'),
  retries: wholeNumber(0, 100).default(6).describe('Further attempts after a connection failed for a passing reason'),
  timeouts: timeouts.prefault({}).describe('How long each phase of a connection may take'),
})

const window = mapping({
  deadline: z.iso
    .datetime({ offset: true, error: 'an instant with a time zone such as 2026-12-22T00:00:00Z' })
    .optional()
    .describe('When the job must be done'),
})

export const fleetSchema = mapping({
  job: text(
    'a job name: a to z, 0 to 9 and "-", at most 32, starting with a letter or digit',
    /^[a-z0-9][a-z0-9-]{0,31}$/,
  ).describe('Name of the job'),
  hosts: text('the path of an inventory').default('inventory.yml').describe('The inventory, relative to fleet.yml'),
  root: nodeFolder.default('~/.fleet').describe('Folder on the nodes that holds everything fleet puts there'),
  release: release.prefault({}).describe('What is pushed'),
  worker,
  dispatcher: dispatcher.prefault({}).describe('What hands out the IDs'),
  ssh: ssh.prefault({}).describe('Connections to the nodes'),
  window: window.prefault({}).describe('The time that the job has'),
})

/** fleet.yml as written, after the defaults. */
export type FleetYaml = z.output<typeof fleetSchema>
