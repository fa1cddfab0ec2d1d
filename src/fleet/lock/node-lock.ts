// The operator lock of one node, held by this run: takes it, keeps it by a heartbeat, gives it back. What always holds: a refusal is final.
// Only after a lost connection (the node rebooted, the link was down), while this process ran all the time and nobody else came, an
// expired lock is taken once more.
//
//   untaken ──take──▶ held ──heartbeat──▶ held
//                      │ └─connection lost─▶ unsure ──renewed, or retaken under the same epoch──▶ held
//                      └─refused─▶ lost
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError, toFleetError, type Clock } from '../../core/index.ts'
import {
  CLAIM_REFUSED,
  LOCK_REFUSED,
  parseLockRefusal,
  parseLockState,
  releaseLockCommand,
  renewLockCommand,
  takeLockCommand,
  type Holder,
  type LockRefusal,
  type LockRequest,
  type LockState,
  type NodeCommand,
} from '../../node/index.ts'
import type { Connection, Target, Transport } from '../../ssh/index.ts'
import { insistOnSuccess, runAnyway, type FleetNode, type RunResult } from '../fleet-node.ts'
import { damagedError, lostError } from './lock-error.ts'
import type { Wakefulness } from './wakefulness.ts'

export interface NodeLockOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly wakefulness: Wakefulness
  readonly request: LockRequest
}

export type TakeOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: LockRefusal | undefined; readonly state: LockState }

export interface NodeLock {
  readonly node: FleetNode
  /** Dials. Throws FLEET_SSH_*. */
  connect(signal: AbortSignal | undefined): Promise<void>
  /** `supersede`: a token whose run is known to be dead. Throws what the node or the way there had against it. */
  take(signal: AbortSignal | undefined, supersede?: string): Promise<TakeOutcome>
  /** What changing commands carry. Throws why there is none. */
  claim(): Holder
  /** The epoch before the lock was taken. */
  epochBefore(): number
  /** Proves the claim now, over a new connection if need be. Throws FLEET_LOCK_LOST, or why the node cannot be asked. */
  refresh(): Promise<Holder>
  /** A command of ours has given it back already. */
  givenBack(): void
  /** Gives it back as well as it can be done in time; otherwise it expires. Never throws. */
  release(signal: AbortSignal): Promise<void>
}

/** sysexits.h EX_NOINPUT. */
const ABSENT = 66
const TAKE_TIMEOUT_MS = 30_000
const TAKE_ATTEMPTS = 3

export function createNodeLock(node: FleetNode, { transport, clock, wakefulness, request }: NodeLockOptions): NodeLock {
  const { ttlMs } = request
  // Leaves time for another attempt before the lock expires.
  const proofTimeoutMs = Math.max(ttlMs / 4, 2000)
  let over = new AbortController()
  let connection: Connection | undefined
  let target: Target = node.target
  let holder: Holder | undefined
  let before = 0
  let failure: FleetError = new FleetError('FLEET_CORE_UNEXPECTED', `the lock of ${node.node} was not taken`)
  /** When the last command was sent that the node said yes to. */
  let provenMs = 0
  let isUnsure = false
  let proving: Promise<Holder> | undefined

  const connect = async (signal: AbortSignal | undefined): Promise<Connection> => {
    if (node.refusal !== undefined) throw node.refusal
    connection ??= await transport.connect(target, signal === undefined ? {} : { signal })
    return connection
  }
  const hangUp = async (): Promise<void> => {
    const old = connection
    connection = undefined
    await old?.close()
  }
  const ask = async (command: NodeCommand, timeoutMs: number, signal: AbortSignal | undefined): Promise<RunResult> => {
    const options = { timeoutMs, ...(signal === undefined ? {} : { signal }) }
    try {
      return await runAnyway(await connect(signal), command, options)
    } catch (error) {
      // Its only channel may be taken by what is being sent: from now on a connection of our own, which the pool tells apart by this.
      if (toFleetError(error).code === 'FLEET_SSH_TIMEOUT' && target === node.target)
        target = { ...target, connectTimeoutMs: (target.connectTimeoutMs ?? 10_000) + 1 }
      await hangUp()
      throw error
    }
  }

  const take = async (
    signal: AbortSignal | undefined,
    changes: { readonly ifEpoch?: number; readonly supersede?: string },
  ): Promise<TakeOutcome> => {
    const command = takeLockCommand(node.base, { ...request, ...changes })
    const sentMs = clock.monotonicMs()
    const result = await ask(command, TAKE_TIMEOUT_MS, signal)
    if (result.exitCode === LOCK_REFUSED)
      return { kind: 'refused', reason: parseLockRefusal(result.stdout), state: parseLockState(result.stdout) }
    if (result.exitCode === CLAIM_REFUSED) throw damagedError(node.base, result.stderr.trim())
    if (result.exitCode === ABSENT) throw absentError(result.stderr.trim())
    const { epoch } = parseLockState(insistOnSuccess(command, result).stdout)
    if (holder === undefined) before = epoch - 1
    holder = { epoch, token: request.token }
    provenMs = sentMs
    isUnsure = false
    return { kind: 'taken' }
  }

  /** Throws what is final as FLEET_LOCK_LOST, everything else as it is. */
  const prove = async (held: Holder): Promise<Holder> => {
    const command = renewLockCommand(node.base, held, ttlMs)
    const sentMs = clock.monotonicMs()
    const result = await ask(command, proofTimeoutMs, over.signal).catch((error: unknown) => {
      isUnsure = true
      if (!toFleetError(error).retryable || over.signal.aborted) throw error
      return ask(command, proofTimeoutMs, over.signal)
    })
    if (result.exitCode !== CLAIM_REFUSED) {
      insistOnSuccess(command, result)
      provenMs = sentMs
      isUnsure = false
      return held
    }
    const mayRetake = isUnsure && parseLockRefusal(result.stdout) === 'expired' && !wakefulness.hasSlept(provenMs)
    if (mayRetake && (await take(over.signal, { ifEpoch: held.epoch })).kind === 'taken') return holder ?? held
    throw lostError(`the operator lock of ${node.node} is not ours any more`)
  }
  const refresh = (): Promise<Holder> => {
    if (holder === undefined) return Promise.reject(failure)
    proving ??= prove(holder)
      .catch((thrown: unknown) => {
        const error = toFleetError(thrown)
        isUnsure = true
        if (error.code === 'FLEET_LOCK_LOST' || error.code === 'FLEET_NODE_LOCK_DAMAGED') {
          holder = undefined
          failure = error
          over.abort()
        }
        throw error
      })
      .finally(() => {
        proving = undefined
      })
    return proving
  }
  const beat = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      await sleep(isUnsure ? ttlMs / 12 : ttlMs / 3, undefined, { signal, ref: false })
      await refresh().catch(() => undefined)
    }
  }

  return {
    node,
    connect: async (signal) => {
      try {
        await connect(signal)
      } catch (error) {
        failure = toFleetError(error)
        throw error
      }
    },
    take: async (signal, supersede) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const outcome = await take(signal, supersede === undefined ? {} : { supersede })
          if (outcome.kind === 'taken') {
            over = new AbortController()
            void beat(over.signal).catch(() => undefined)
          }
          return outcome
        } catch (thrown) {
          failure = toFleetError(thrown)
          // Our own token makes asking again harmless, also when only the answer was lost.
          if (!failure.retryable || attempt === TAKE_ATTEMPTS || signal?.aborted === true) throw failure
        }
      }
    },
    claim: () => {
      if (holder === undefined) throw failure
      return holder
    },
    epochBefore: () => before,
    refresh,
    givenBack: () => {
      over.abort()
      holder = undefined
      failure = lostError(`the operator lock of ${node.node} was given back`)
    },
    release: async (signal) => {
      const held = holder
      over.abort()
      await proving?.catch(() => undefined)
      try {
        if (held !== undefined) await ask(releaseLockCommand(node.base, held), 0, signal)
      } catch {
        // It expires by itself.
      }
      holder = undefined
      await hangUp()
    },
  }
}

function absentError(said: string): FleetError {
  return new FleetError('FLEET_NODE_NO_RELEASE', said, { remedy: 'push first: fleet push' })
}
