// Restarting the slots of a node, so that they run what is current: every slot finishes its ID first. What always holds: a node that
// was to run is told to run again, also after a drain that took too long, an interruption or a lost connection; one that was not
// to run stays down.
//
//   up ──▶ down, draining ──(all slots down, or out of time)──▶ up, next generation ──▶ supervisors are there
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError, slotName, toFleetError, type Clock } from '../core/index.ts'
import { keepCommand, type Claim, type Desired, type NodeStatus, type SlotStatus } from '../node/index.ts'
import type { Transport } from '../ssh/index.ts'
import { run, withConnection, type FleetNode } from './fleet-node.ts'
import { configure, desiredFile, statusIfPresent } from './start.ts'

export interface RestartPlan {
  readonly transport: Transport
  readonly clock: Clock
  /** How long running IDs may take. Milliseconds. */
  readonly drainMs: number
  /** How long every slot's supervisor may take to appear. Milliseconds. */
  readonly supervisorsMs: number
  /** The claim as the node proves it now: it may have been rebooted. Asked before each change. */
  readonly claim: () => Promise<Claim>
  /** Aborted: waits no more for running IDs. */
  readonly signal?: AbortSignal
  readonly step?: (what: string) => void
}

/** Of telling a node what it shall be, when the connection is lost. */
const ATTEMPTS = 3
const LONGEST_PAUSE_MS = 1000

/**
 * Resolves with the number of slots that were restarted, 0 on a node where nothing was to run. Throws FLEET_NODE_STILL_RUNNING when slots were
 * still finishing their ID (they go on with what is current by themselves), and FLEET_NODE_NOT_STARTED when a slot got no supervisor.
 */
export async function restartNode(node: FleetNode, plan: RestartPlan): Promise<number> {
  const before = await withConnection(plan.transport, node, (connection) => statusIfPresent(connection, node.base))
  if (before?.state !== 'up' || before.wanted === 0) return 0
  const slots = before.wanted
  plan.step?.(`draining ${slots} slots`)
  const { generation } = before
  let alive: readonly SlotStatus[]
  try {
    await steer(node, plan, { state: 'down', mode: 'drain', slots, generation })
    alive = await untilDown(node, plan)
  } catch (error) {
    await startAgain(node, plan, slots, generation)
    throw error
  }
  await startAgain(node, plan, slots, generation)
  if (alive.length > 0) throw stillRunning(alive)
  plan.step?.(`starting ${slots} slots`)
  await untilSupervised(node, plan, slots)
  return slots
}

/** Slots that had finished under the last generation are started again. */
async function startAgain(node: FleetNode, plan: RestartPlan, slots: number, generation: number): Promise<void> {
  const next = Math.max(generation + 1, plan.clock.nowMs())
  await steer(node, plan, { state: 'up', mode: 'drain', slots, generation: next })
}

/** Also after an interruption, and after a lost connection. */
async function steer(node: FleetNode, plan: RestartPlan, desired: Desired): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await withConnection(plan.transport, node, async (connection) => {
        await configure(connection, node.base, [desiredFile(desired)], await plan.claim())
        await run(connection, keepCommand(node.base))
      })
      return
    } catch (error) {
      if (!toFleetError(error).retryable || attempt === ATTEMPTS) throw error
    }
  }
}

/** Those that are still alive when the time is over. A connection that breaks meanwhile is made anew. */
async function untilDown(node: FleetNode, plan: RestartPlan): Promise<readonly SlotStatus[]> {
  const deadlineMs = plan.clock.monotonicMs() + plan.drainMs
  return watch(node, plan, { deadlineMs, signal: plan.signal }, (status) => {
    const alive = status.slots.filter(({ state }) => isAlive(state))
    if (alive.length > 0)
      plan.step?.(`draining: ${alive.length} of ${status.slots.length} slots are finishing their ID`)
    return alive
  })
}

async function untilSupervised(node: FleetNode, plan: RestartPlan, slots: number): Promise<void> {
  const wanted = new Set(Array.from({ length: slots }, (_, index) => slotName(index + 1)))
  const limits = { deadlineMs: plan.clock.monotonicMs() + plan.supervisorsMs, signal: undefined }
  const missing = await watch(node, plan, limits, (status) =>
    status.slots.filter(({ slot, state }) => wanted.has(slot) && (state === 'down' || state === 'unknown')),
  )
  if (missing.length === 0) return
  throw new FleetError('FLEET_NODE_NOT_STARTED', `no supervisor appeared for ${names(missing)}`, {
    remedy: `look at ${node.base}/log/keep.log on the node`,
  })
}

/** Looks until `left` leaves nothing, or there is no time left; what it left last. */
async function watch(
  node: FleetNode,
  plan: RestartPlan,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal | undefined },
  left: (status: NodeStatus) => readonly SlotStatus[],
): Promise<readonly SlotStatus[]> {
  const isOver = (): boolean => signal?.aborted === true || plan.clock.monotonicMs() > deadlineMs
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    let last: readonly SlotStatus[] | undefined
    try {
      last = await withConnection(plan.transport, node, async (connection) => {
        // A supervisor that was just leaving, or just coming, has not heard of it: telling it again is harmless.
        if (pauseMs === LONGEST_PAUSE_MS) await run(connection, keepCommand(node.base))
        const status = await statusIfPresent(connection, node.base)
        return status === undefined ? [] : left(status)
      })
    } catch (error) {
      if (!toFleetError(error).retryable || isOver()) throw error
    }
    if (last !== undefined && (last.length === 0 || isOver())) return last
    await pause(pauseMs, signal)
  }
}

async function pause(pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
}

function isAlive(state: SlotStatus['state']): boolean {
  return state === 'running' || state === 'adopted' || state === 'backoff' || state === 'blocked'
}

function stillRunning(alive: readonly SlotStatus[]): FleetError {
  return new FleetError(
    'FLEET_NODE_STILL_RUNNING',
    `${alive.length} slots are still finishing their ID: ${names(alive)}`,
    {
      remedy:
        'nothing: each goes on with the current release by itself when its ID is done. A longer --timeout waits for it',
      retryable: true,
    },
  )
}

function names(slots: readonly SlotStatus[]): string {
  return slots.map(({ slot }) => slot).join(', ')
}
