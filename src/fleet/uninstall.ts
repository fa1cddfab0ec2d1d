// Takes a job off one node and looks again: what it says is gone was looked for. May be repeated at any time, also after one that
// was cut off; a node where the job never was has nothing to be removed, which is no error.
import type { KeeperChoice } from '../config/index.ts'
import { FleetError, formatSize, toFleetError, type Clock, type JobName } from '../core/index.ts'
import {
  cronCommand,
  JOB_RUNS,
  lookCommand,
  parseKeepersRemoved,
  parseRemoved,
  parseTraces,
  removeCommand,
  removeKeepersCommand,
  type Claim,
  type JobTraces,
} from '../node/index.ts'
import type { Connection } from '../ssh/index.ts'
import { insistOnSuccess, run, runAnyway } from './fleet-node.ts'
import { stopNode } from './start.ts'

export interface UninstallValue {
  /** What was there and is gone. */
  readonly removed: readonly string[]
  /** What is still there, and why. */
  readonly left: readonly { readonly what: string; readonly why: string }[]
  /** What was not touched on purpose. */
  readonly notes: readonly string[]
}

export interface UninstallOptions {
  readonly job: JobName
  /** `unlocked` only where there is no folder to lock; one that has come into being meanwhile is then refused. */
  readonly claim: Claim
  /** End what runs; otherwise a node where slots run is refused. */
  readonly now: boolean
  /** From TERM to KILL. Milliseconds. */
  readonly graceMs: number
  /** `none`: the operator says that no keeper was ever given a line, so one that cannot be read is no obstacle. */
  readonly keeper: KeeperChoice
  readonly clock: Clock
}

/** What the supervisors take besides the grace. Milliseconds. */
const SUPERVISORS_MS = 20_000
/** Nothing moves on the connection while scratch folders with millions of files are deleted. */
const DELETE_STALL_MS = 3_600_000

const END_FIRST = 'fleet stop first, which lets slots finish their ID, or fleet uninstall --now to end them'

/** What the job has on this node; `sizes` measures it. Changes nothing. */
export async function lookForJob(
  connection: Connection,
  base: string,
  job: JobName,
  options: { readonly sizes: boolean },
): Promise<JobTraces> {
  const { stdout } = await run(connection, lookCommand(base, job, options), { stallMs: DELETE_STALL_MS })
  return parseTraces(stdout)
}

/** Is there nothing of the job, as far as can be told? */
export function isAbsent(found: JobTraces): boolean {
  return (
    found.place.kind === 'absent' &&
    found.leftovers.length === 0 &&
    running(found).length === 0 &&
    found.keepers.every(({ state }) => state !== 'line')
  )
}

/** Why this node is not touched; undefined when nothing stands against it. */
export function whyNotUninstall(
  found: JobTraces,
  { now, keeper }: Pick<UninstallOptions, 'now' | 'keeper'>,
): FleetError | undefined {
  const { place, base } = found
  if (place.kind === 'odd')
    return new FleetError('FLEET_NODE_NOT_A_JOB', `${base} ${place.why}`, {
      remedy: 'correct root or the job in fleet.yml or in the inventory, or remove by hand what is yours there',
    })
  const unread = found.keepers.find(({ state }) => state === 'unreadable')
  if (unread !== undefined && keeper !== 'none' && !isAbsent(found)) return keeperError(unread.keeper, unread.said)
  if (now || (found.slots.length === 0 && found.wanted === 0 && running(found).length === 0)) return undefined
  return new FleetError('FLEET_NODE_IN_USE', `${whatRuns(found)}; nothing was removed`, {
    remedy: END_FIRST,
  })
}

/**
 * Removes the job, then looks again. Throws FLEET_NODE_NOT_A_JOB, FLEET_NODE_KEEPER and FLEET_NODE_IN_USE before anything was removed;
 * what could not be removed is in `left`.
 */
export async function uninstallNode(
  connection: Connection,
  base: string,
  options: UninstallOptions,
): Promise<UninstallValue> {
  const { job, claim, now } = options
  const found = await lookForJob(connection, base, job, { sizes: false })
  const refusal = whyNotUninstall(found, options)
  if (refusal !== undefined) throw refusal
  const keepers = await removeKeepers(connection, base, options)
  if (now && found.place.kind === 'job' && found.slots.length > 0) await stopSlots(connection, base, options)
  const remove = removeCommand(base, job, claim, { ends: now, graceMs: options.graceMs })
  const result = await runAnyway(connection, remove, { stallMs: DELETE_STALL_MS })
  if (result.exitCode === JOB_RUNS) {
    if (keepers.length > 0) await run(connection, cronCommand(base, job, 'install', claim))
    throw new FleetError('FLEET_NODE_IN_USE', `nothing was removed: ${lastLine(result.stderr)}`, { remedy: END_FIRST })
  }
  const after = await lookForJob(connection, base, job, { sizes: false })
  if (after.place.kind !== 'absent') insistOnSuccess(remove, result)
  return {
    removed: [...keepers, ...parseRemoved(result.stdout)],
    left: leftOf(after, result.stderr.trim()),
    notes: notesOf(after),
  }
}

/** What an uninstall would do, one phrase for each step; none where nothing is there. */
export function stepsOf(found: JobTraces): readonly string[] {
  if (isAbsent(found)) return []
  const shown = found.parts.filter(({ name }) => SHOWN_PARTS.has(name))
  const size = found.parts.reduce((total, part) => total + part.sizeBytes, 0)
  const processes = running(found).length
  return [
    ...found.keepers.filter(({ state }) => state === 'line').map(({ keeper }) => `take the line out of ${keeper}`),
    ...(found.slots.length === 0 ? [] : [`end ${counted(found.slots.length, 'slot')}`]),
    ...(found.slots.length > 0 || processes === 0 ? [] : [`end ${counted(processes, 'process', 'processes')}`]),
    ...(found.place.kind === 'job'
      ? [
          `delete ${found.base}: ${formatSize(size)} (${shown.map(({ name, sizeBytes }) => `${name} ${formatSize(sizeBytes)}`).join(', ')})`,
        ]
      : []),
    ...found.leftovers.map((path) => `delete ${path}, left by an uninstall that was cut off`),
  ]
}

const SHOWN_PARTS = new Set(['releases', 'kit', 'runtimes', 'slots', 'log'])

async function removeKeepers(connection: Connection, base: string, options: UninstallOptions): Promise<string[]> {
  const { stdout } = await run(connection, removeKeepersCommand(base, options.job, options.claim))
  const removed: string[] = []
  for (const { keeper, outcome } of parseKeepersRemoved(stdout)) {
    if (outcome === 'removed') removed.push(`the line of ${keeper}`)
    else if (/^(?:refused|failed)/.test(outcome) && options.keeper !== 'none') throw keeperError(keeper, outcome)
  }
  return removed
}

/** Where the kit there cannot do it, what runs is ended with the rest. */
async function stopSlots(connection: Connection, base: string, options: UninstallOptions): Promise<void> {
  const { claim, clock, graceMs } = options
  try {
    await stopNode(connection, base, { mode: 'now', claim, clock, waitMs: graceMs + SUPERVISORS_MS })
  } catch (error) {
    if (!toFleetError(error).code.startsWith('FLEET_NODE_')) throw error
  }
}

function running(found: JobTraces): JobTraces['processes'] {
  return found.processes.filter(({ kind }) => kind !== 'other')
}

function whatRuns(found: JobTraces): string {
  if (found.slots.length > 0)
    return `${found.slots.length} ${found.slots.length === 1 ? 'slot runs' : 'slots run'} there`
  if (running(found).length > 0) {
    const names = running(found).map(({ pid, name }) => `${pid} (${name})`)
    return `processes of the job run there: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`
  }
  return `${counted(found.wanted, 'slot is', 'slots are')} to be up there`
}

function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

function leftOf(after: JobTraces, said: string): UninstallValue['left'] {
  const why = said === '' ? 'it could not be removed' : said.split('\n').slice(-3).join('; ').slice(0, 500)
  return [
    ...after.keepers
      .filter(({ state }) => state === 'line')
      .map(({ keeper }) => ({
        what: `the line of ${keeper}`,
        why: 'it is there again: was the job started meanwhile?',
      })),
    ...(after.place.kind === 'absent' ? [] : [{ what: after.base, why }]),
    ...after.leftovers.map((path) => ({ what: path, why })),
    ...running(after).map(({ pid, name }) => ({
      what: `process ${pid} (${name})`,
      why: 'it did not end, which only a hanging disk or mount explains, or another user',
    })),
  ]
}

function notesOf(after: JobTraces): string[] {
  const beside = after.beside.slice(0, 8).join(', ') + (after.beside.length > 8 ? ', ...' : '')
  return [
    ...after.processes
      .filter(({ kind }) => kind === 'other')
      .map(
        ({ pid, name }) => `process ${pid} (${name}) is not of the job and still has its folder or a file of it open`,
      ),
    ...after.keepers
      .filter(({ state }) => state === 'unreadable')
      .map(({ keeper, said }) => `${keeper} cannot be asked (${said}); by worker.keeper: none it never had a line`),
    ...(after.root === '' || after.beside.length === 0 ? [] : [`${after.root} stays: it holds ${beside}`]),
  ]
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 500) ?? ''
}

function keeperError(keeper: string, said: string): FleetError {
  return new FleetError('FLEET_NODE_KEEPER', `cannot tell whether ${keeper} has a line for the job: ${said}`, {
    remedy:
      'let that user use crontab again (cron.allow, cron.deny), or take the line out as root; if there never was one: worker.keeper: none in fleet.yml',
  })
}
