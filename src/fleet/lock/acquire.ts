// Taking the locks of many nodes. What always holds: of those who want the same nodes the first node decides, and whoever waits for the
// lock of one node holds only locks of nodes before it, by name, so two operators never wait for each other.
import { setTimeout as sleep } from 'node:timers/promises'
import { foldNodes } from '../../config/index.ts'
import { toFleetError, type Clock, type FleetError, type NodeName } from '../../core/index.ts'
import type { LockHolder } from '../../node/index.ts'
import { forEachNode } from '../node-result.ts'
import { describeHolder, heldError } from './lock-error.ts'
import type { NodeLock, TakeOutcome } from './node-lock.ts'
import { isDead } from './this-process.ts'

export interface AcquireOptions {
  readonly clock: Clock
  /** 1 = serially. */
  readonly parallel: number
  /** How long to wait for somebody else's lock. Milliseconds. */
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
  /** Told whom we wait for, and whose dead run's lock was taken over. */
  readonly say: (line: string) => void
  readonly release: (locks: readonly NodeLock[]) => Promise<void>
}

/** For the other nodes once the first is ours: whoever holds them may be about to give them back to us. Milliseconds. */
const LEAST_WAIT_MS = 5000
const POLL_MS = 300
/** Then it is said which nodes have not answered. */
const PATIENCE_MS = 5000

/**
 * Takes every lock of `locks`, which are sorted by name. A node that cannot be reached, or cannot be locked for a reason of its own, stops nobody: it says why when
 * it is asked for its claim. Throws FLEET_LOCK_HELD when somebody else holds one; others may be held then.
 */
export async function acquire(locks: readonly NodeLock[], options: AcquireOptions): Promise<void> {
  const { clock, parallel, waitMs } = options
  const queue = createQueue(options)
  const beganMs = clock.monotonicMs()
  const pending = new Set(locks.map(({ node }) => node.node))
  const ended = ({ node }: { readonly node: NodeName }): void => void pending.delete(node)
  const patience = setTimeout(() => {
    const many = `${pending.size} of ${locks.length} nodes`
    if (pending.size > 0) options.say(`taking the operator lock: waiting for ${many}: ${foldNodes(pending)}`)
  }, PATIENCE_MS)
  let refused: NodeLock | undefined
  try {
    refused = await takeInTurn(locks, queue, beganMs + waitMs, { parallel, ended })
  } finally {
    clearTimeout(patience)
  }
  const deadlineMs = Math.max(beganMs + waitMs, clock.monotonicMs() + LEAST_WAIT_MS)
  let rest = locks
  while (refused !== undefined) {
    const index = rest.indexOf(refused)
    rest = rest.slice(index + 1)
    await options.release(rest)
    await queue.insist(refused, deadlineMs).catch(unlessOwn)
    const results = await forEachNode(rest.map(named), parallel, ({ lock }) => queue.attempt(lock))
    refused = rest[results.findIndex((result) => result.ok && result.value.kind === 'refused')]
  }
}

/**
 * Connects to many at once, but asks for no lock before the first node that can be reached has given its own. The first one of the others that refused, if any.
 */
async function takeInTurn(
  locks: readonly NodeLock[],
  queue: Queue,
  deadlineMs: number,
  { parallel, ended }: { readonly parallel: number; readonly ended: (result: { readonly node: NodeName }) => void },
): Promise<NodeLock | undefined> {
  // Whether a node up to this one is locked.
  const begun: Promise<boolean>[] = []
  let held: FleetError | undefined
  const take = async (lock: NodeLock, before: Promise<boolean>): Promise<TakeOutcome> => {
    if (held === undefined) await lock.connect(queue.signal)
    const isBegun = await before
    if (held !== undefined) throw held
    if (isBegun) return queue.attempt(lock)
    try {
      await queue.insist(lock, deadlineMs)
      return { kind: 'taken' }
    } catch (error) {
      if (isHeld(error)) held = toFleetError(error)
      throw error
    }
  }
  const results = await forEachNode(
    locks.map((lock, index) => ({ ...named(lock), index })),
    parallel,
    ({ lock, index }) => {
      const before = begun[index - 1] ?? Promise.resolve(false)
      const outcome = take(lock, before)
      begun[index] = outcome.then(
        () => true,
        () => before,
      )
      return outcome
    },
    { ended },
  )
  const failed = results.find((result) => !result.ok && isHeld(result.error))
  if (failed !== undefined && !failed.ok) throw failed.error
  return locks[results.findIndex((result) => result.ok && result.value.kind === 'refused')]
}

interface Queue {
  readonly signal: AbortSignal | undefined
  /** Asks once, or twice where the holder is known to be dead. */
  attempt(lock: NodeLock): Promise<TakeOutcome>
  /** Asks until the lock is ours. Throws FLEET_LOCK_HELD when it is time. */
  insist(lock: NodeLock, deadlineMs: number): Promise<void>
}

function createQueue({ clock, signal, say }: AcquireOptions): Queue {
  const said = new Set<string>()
  const sayOnce = (what: string, holder: LockHolder): void => {
    const line = `${what} ${describeHolder(holder)}`
    if (!said.has(line)) say(line)
    said.add(line)
  }
  const attempt = async (lock: NodeLock): Promise<TakeOutcome> => {
    const outcome = await lock.take(signal)
    if (outcome.kind === 'taken' || outcome.reason !== 'held') return outcome
    const { holder } = outcome.state
    if (holder === undefined || !isDead(holder.process)) return outcome
    sayOnce('taking over the operator lock of a run that is dead:', holder)
    return lock.take(signal, holder.token)
  }
  return {
    signal,
    attempt,
    insist: async (lock, deadlineMs) => {
      for (;;) {
        const outcome = await attempt(lock)
        if (outcome.kind === 'taken') return
        const { state, reason } = outcome
        if (clock.monotonicMs() + POLL_MS > deadlineMs) throw heldError(lock.node.node, state, reason, clock.nowMs())
        if (state.holder !== undefined) sayOnce('waiting for the operator lock, held by', state.holder)
        await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal })
      }
    },
  }
}

function named(lock: NodeLock): { readonly node: NodeName; readonly lock: NodeLock } {
  return { node: lock.node.node, lock }
}

function isHeld(error: unknown): boolean {
  return toFleetError(error).code === 'FLEET_LOCK_HELD'
}

/** What is wrong with one node is said when it is asked for its claim. */
function unlessOwn(error: unknown): void {
  if (isHeld(error)) throw error
}
