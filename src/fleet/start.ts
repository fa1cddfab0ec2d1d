// Start and stop: write what is desired on the node, let the node's own programs make it so, and look at what came of it.
// Both can be repeated at any time. What is desired is written under the operator's claim; making it so needs none, since that only
// enforces what is desired.
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeeperChoice } from '../config/index.ts'
import { FleetError, slotName, type Clock, type JobName } from '../core/index.ts'
import {
  CLAIM_REFUSED,
  configureCommand,
  cronCommand,
  keepCommand,
  cronOutcome,
  parseStatus,
  renderDesired,
  renderWorkerFiles,
  statusCommand,
  type Claim,
  type Desired,
  type NodeStatus,
  type WorkerFile,
  type WorkerSettings,
} from '../node/index.ts'
import type { Connection } from '../ssh/index.ts'
import { archive } from './push/archive.ts'
import { insistOnSuccess, run, runAnyway } from './fleet-node.ts'
import { Readable } from 'node:stream'

/** sysexits.h EX_NOINPUT: the node command found no kit. */
const ABSENT = 66

export interface StartValue {
  readonly status: NodeStatus
  readonly keeper: Keeper
}

/** What brings the slots of a node back after a reboot; `none` says why nothing does. */
export type Keeper = { readonly kind: 'cron' } | { readonly kind: 'none'; readonly reason: string }

export interface StartOptions {
  readonly job: JobName
  readonly settings: WorkerSettings
  readonly slots: number
  /** Changes with every start: slots that had finished under another generation are started again. */
  readonly generation: number
  /** `auto`: cron where it works, else none. */
  readonly keeper: KeeperChoice
  readonly clock: Clock
  readonly claim: Claim
  /** How long every slot's supervisor may take to appear. Milliseconds. */
  readonly waitMs: number
  /** Aborted: waits no more. */
  readonly signal?: AbortSignal
}

/** Starts the slots of one node. Throws FLEET_NODE_NOT_STARTED when a wanted slot has no supervisor in time. */
export async function startNode(connection: Connection, base: string, options: StartOptions): Promise<StartValue> {
  const desired: Desired = { state: 'up', mode: 'drain', slots: options.slots, generation: options.generation }
  await configure(connection, base, [...renderWorkerFiles(options.settings), desiredFile(desired)], options.claim)
  const keeper = await installKeeper(connection, base, options)
  const wanted = new Set(Array.from({ length: options.slots }, (_, index) => slotName(index + 1)))
  await run(connection, keepCommand(base))
  const status = await statusWhen(
    connection,
    base,
    options,
    (now) => now.slots.filter((slot) => wanted.has(slot.slot) && !isAbsent(slot.state)).length === wanted.size,
  )
  if (status.reached) return { status: status.last, keeper }
  const missing = status.last.slots
    .filter((slot) => wanted.has(slot.slot) && isAbsent(slot.state))
    .map((slot) => slot.slot)
  throw new FleetError('FLEET_NODE_NOT_STARTED', `no supervisor appeared for ${missing.join(', ')}`, {
    remedy: `look at ${base}/log/keep.log on the node`,
  })
}

export interface StopOptions {
  /** `drain`: the ID in work is finished first. `now`: TERM, then KILL after the grace. */
  readonly mode: 'drain' | 'now'
  readonly clock: Clock
  readonly claim: Claim
  /** How long to wait for the slots to come down. Milliseconds. */
  readonly waitMs: number
  /** Aborted: waits no more. */
  readonly signal?: AbortSignal
}

/** Stops the slots of one node. Throws FLEET_NODE_STILL_RUNNING, retryable, when slots have not come down in time; they go on coming down. */
export async function stopNode(connection: Connection, base: string, options: StopOptions): Promise<NodeStatus> {
  const before = await statusOf(connection, base)
  const desired: Desired = { state: 'down', mode: options.mode, slots: before.wanted, generation: before.generation }
  await configure(connection, base, [desiredFile(desired)], options.claim)
  await run(connection, keepCommand(base))
  const status = await statusWhen(connection, base, options, (now) => now.slots.every((slot) => !isAlive(slot.state)))
  if (status.reached) return status.last
  const alive = status.last.slots.filter((slot) => isAlive(slot.state)).map((slot) => slot.slot)
  throw new FleetError(
    'FLEET_NODE_STILL_RUNNING',
    `${alive.length} slots are still finishing their ID: ${alive.join(', ')}`,
    {
      remedy:
        'they stop by themselves when they are done; run fleet stop again to wait longer, or fleet stop --now to end them',
      retryable: true,
    },
  )
}

async function statusOf(connection: Connection, base: string): Promise<NodeStatus> {
  return parseStatus((await run(connection, statusCommand(base))).stdout)
}

async function installKeeper(connection: Connection, base: string, options: StartOptions): Promise<Keeper> {
  if (options.keeper === 'none') return { kind: 'none', reason: 'switched off by worker.keeper' }
  const command = cronCommand(base, options.job, 'install', options.claim)
  const result = await runAnyway(connection, command)
  if (result.exitCode === CLAIM_REFUSED) insistOnSuccess(command, result)
  const outcome = cronOutcome(result.exitCode, result.stdout)
  if (!('reason' in outcome)) return { kind: 'cron' }
  if (options.keeper === 'auto') return { kind: 'none', reason: outcome.reason }
  throw new FleetError('FLEET_NODE_NO_KEEPER', `cron cannot be used: ${outcome.reason}`, {
    remedy: 'install and permit cron there, or set worker.keeper to auto or none in fleet.yml',
  })
}

/** What the node says of its slots; undefined when this job was never pushed there. */
export async function statusIfPresent(connection: Connection, base: string): Promise<NodeStatus | undefined> {
  const command = statusCommand(base)
  const result = await runAnyway(connection, command)
  return result.exitCode === ABSENT ? undefined : parseStatus(insistOnSuccess(command, result).stdout)
}

/** The file that says what the node shall be; it goes last, so that whatever it starts finds its settings. */
export function desiredFile(desired: Desired): WorkerFile {
  return { path: 'etc/desired', mode: 0o600, content: renderDesired(desired) }
}

/** Writes files into `etc/`: each set arrives whole. */
export async function configure(
  connection: Connection,
  base: string,
  files: readonly WorkerFile[],
  claim: Claim,
): Promise<void> {
  const entries = files.map((file) => {
    const content = Buffer.from(file.content)
    return { path: file.path, mode: file.mode, sizeBytes: content.length, content }
  })
  const paths = files.map((file) => file.path)
  await run(connection, configureCommand(base, paths, claim), {
    stdin: Readable.from(archive(entries), { objectMode: false }),
  })
}

async function statusWhen(
  connection: Connection,
  base: string,
  limits: { readonly clock: Clock; readonly waitMs: number; readonly signal?: AbortSignal },
  isReached: (status: NodeStatus) => boolean,
): Promise<{ reached: boolean; last: NodeStatus }> {
  const deadlineMs = limits.clock.monotonicMs() + limits.waitMs
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
    const last = await statusOf(connection, base)
    if (isReached(last)) return { reached: true, last }
    if (limits.clock.monotonicMs() + pauseMs > deadlineMs) return { reached: false, last }
    await sleep(pauseMs, undefined, limits.signal === undefined ? {} : { signal: limits.signal }).catch(() => undefined)
    if (limits.signal?.aborted === true) return { reached: false, last }
    // A supervisor that was just leaving, or just coming, has not heard of it: telling it again is harmless.
    if (pauseMs === 1000) await run(connection, keepCommand(base))
  }
}

function isAbsent(state: NodeStatus['slots'][number]['state']): boolean {
  return state === 'down' || state === 'unknown'
}

function isAlive(state: NodeStatus['slots'][number]['state']): boolean {
  return state === 'running' || state === 'adopted' || state === 'backoff' || state === 'blocked'
}
