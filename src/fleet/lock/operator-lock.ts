// The operator lock: while an operator changes nodes, nobody else does. It is held on each of the nodes, kept by heartbeats, and given back
// at the end, whatever the end is. It is the nodes that refuse, by the claim in every changing command (node/lock/fence.ts); here
// is only what takes and keeps it.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError, loginName, type Clock, type NodeName } from '../../core/index.ts'
import type { Claim, LockTaker } from '../../node/index.ts'
import type { Transport } from '../../ssh/index.ts'
import type { FleetNode } from '../fleet-node.ts'
import { forEachNode } from '../node-result.ts'
import { acquire } from './acquire.ts'
import { createNodeLock, type NodeLock } from './node-lock.ts'
import { thisProcess } from './this-process.ts'
import { watchWakefulness } from './wakefulness.ts'

export interface OperatorLockOptions {
  /** What is being run, as others will read it: the command line without secrets. */
  readonly command: string
  readonly clock: Clock
  /** Nodes at a time while the lock is taken; 1 = serially. */
  readonly parallel: number
  /** How long to wait for somebody else's lock; 0: not. Milliseconds. */
  readonly waitMs: number
  /** True: a node where nothing was ever pushed gets the job's folder. False: it answers with its own error. */
  readonly createFolder: boolean
  /** Aborted: `work` gets 10 seconds to end, then the lock is given back. */
  readonly signal?: AbortSignal
  /** How long the lock is good without a heartbeat, by the node's clock. Milliseconds; default 60,000, beats three times as often. */
  readonly ttlMs?: number
  /** Told what the operator should know meanwhile: whom we wait for, whose dead run's lock was taken over. */
  readonly say?: (line: string) => void
  /** Default: this user on this machine. */
  readonly operator?: Pick<LockTaker, 'who' | 'host'>
}

export interface OperatorLock {
  /** What a changing command for this node carries; ask anew before each. Throws why there is none: unreachable, not ours any more. */
  claimOf(node: NodeName): Claim
  /**
   * The same, proven by the node now: after a lost connection, where a rebooted node wants its lock taken anew. Throws FLEET_LOCK_LOST,
   * or FLEET_SSH_* when the node cannot be asked.
   */
  refresh(node: NodeName): Promise<Claim>
  /** A command has given this node's lock back itself: nothing more is to be done there. */
  givenBack(node: NodeName): void
  /** The epoch that the node had before. Where it is not that of an earlier inspection, somebody worked there since: look again. */
  epochBefore(node: NodeName): number
}

const TTL_MS = 60_000
/** For work that was interrupted, to leave its nodes in order. Milliseconds. */
const GRACE_MS = 10_000
const RELEASE_MS = 5000
const RELEASES_AT_ONCE = 64

/**
 * Runs `work` while the lock of every node that can be reached is held, and gives it back. Throws FLEET_LOCK_HELD, with nothing held, when somebody else has one.
 * Keeps one connection to each node open meanwhile.
 */
export async function withOperatorLock<Value>(
  transport: Transport,
  nodes: readonly FleetNode[],
  options: OperatorLockOptions,
  work: (lock: OperatorLock) => Promise<Value>,
): Promise<Value> {
  const { clock, ttlMs = TTL_MS, createFolder, signal } = options
  const taker = { ...operatorHere(options.command, clock), ...options.operator }
  const wakefulness = watchWakefulness(clock, ttlMs / 2)
  const locks = nodes
    // By bytes, so that every operator has the same order.
    .toSorted((a, b) => (a.node < b.node ? -1 : Number(a.node > b.node)))
    .map((node) => {
      const request = { ...taker, token: randomUUID(), ttlMs, createFolder }
      return createNodeLock(node, { transport, clock, wakefulness, request })
    })
  try {
    const say = options.say ?? (() => undefined)
    await acquire(locks, { ...options, signal, say, release: releaseAll }).finally(() => signal?.throwIfAborted())
    return await untilInterrupted(work(lockOf(locks)), signal)
  } finally {
    wakefulness.stop()
    await releaseAll(locks)
  }
}

/** How the nodes are told who works here. */
export function operatorHere(command: string, clock: Clock): LockTaker {
  return {
    who: loginName(),
    host: hostname(),
    command,
    since: new Date(clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z'),
    process: thisProcess(),
  }
}

function lockOf(locks: readonly NodeLock[]): OperatorLock {
  const byName = new Map(locks.map((lock) => [lock.node.node, lock]))
  const of = (node: NodeName): NodeLock => {
    const lock = byName.get(node)
    if (lock !== undefined) return lock
    throw new FleetError('FLEET_CORE_UNEXPECTED', `expected one of the nodes that were locked, got ${node}`)
  }
  return {
    claimOf: (node) => of(node).claim(),
    refresh: async (node) => of(node).refresh(),
    givenBack: (node) => {
      of(node).givenBack()
    },
    epochBefore: (node) => of(node).epochBefore(),
  }
}

/** What `work` gives, also after an interruption if it comes in time. */
async function untilInterrupted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return work
  const over = new AbortController()
  const interrupted = Promise.withResolvers<never>()
  const onAbort = (): void => {
    sleep(GRACE_MS, undefined, { signal: over.signal }).then(
      () => {
        interrupted.reject(signal.reason instanceof Error ? signal.reason : new Error('interrupted'))
      },
      () => undefined,
    )
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, interrupted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    over.abort()
  }
}

/** Those that cannot be given back in time expire by themselves. */
async function releaseAll(locks: readonly NodeLock[]): Promise<void> {
  const signal = AbortSignal.timeout(RELEASE_MS)
  const nodes = locks.map((lock) => ({ node: lock.node.node, lock }))
  await forEachNode(nodes, RELEASES_AT_ONCE, ({ lock }) => lock.release(signal))
}
