// A push that outlives its connection: dial again, look what has arrived, and go on from there.
import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError, toFleetError } from '../../core/index.ts'
import type { Claim, Inspection, InspectionWish } from '../../node/index.ts'
import type { Transport } from '../../ssh/index.ts'
import { withConnection, type FleetNode } from '../fleet-node.ts'
import { inspect } from './inspect.ts'
import { asUnchanged, digestsOf, isUnchanged, pushToNode, type PushOptions, type PushValue } from './push-to-node.ts'
import { inOrder, type Trees } from './tree.ts'

export interface Delivery {
  readonly transport: Transport
  readonly node: FleetNode
  readonly trees: Trees
  /** What the node said of itself when it was asked this. */
  readonly found: Inspection
  readonly wish: InspectionWish
  readonly claim: Claim
  /** The claim anew, after the connection was lost: the node may have been rebooted. */
  readonly refreshClaim: () => Promise<Claim>
  readonly options: PushOptions
  /** Before another attempt. Milliseconds; default: doubling from 500 to 8000. */
  readonly pauseMs?: (failuresInARow: number) => number
}

const MAX_ATTEMPTS = 6
/** Without anything more having arrived. As long as every attempt brings something, only their number ends it. */
const MAX_FAILURES_IN_A_ROW = 3

/** pushToNode, at most six times. Throws what the last attempt threw. `sentBytes`, and what `onSent` hears, are sums over all attempts. */
export async function deliverWithResume(delivery: Delivery): Promise<PushValue> {
  const { transport, node, trees, options } = delivery
  const { signal } = options
  let { found, claim } = delivery
  let failuresInARow = 0
  let formerBytes = 0
  for (let attempt = 1; ; attempt += 1) {
    let heardBytes = 0
    const onSent: PushOptions['onSent'] = (bytes, ofBytes) => {
      heardBytes = bytes
      options.onSent?.(formerBytes + bytes, formerBytes + ofBytes)
    }
    try {
      const value = await withConnection(transport, node, async (connection) => {
        if (attempt > 1) {
          const now = await inspect(connection, node.base, delivery.wish, signal)
          if (arrivedBytes(now, trees) > arrivedBytes(found, trees)) failuresInARow = 0
          found = now
          // Only the last answer was lost. The switch may have given the lock back, so the claim must not be asked for.
          if (isUnchanged(found, digestsOf(trees), false)) return asUnchanged(found, trees)
          claim = await delivery.refreshClaim()
        }
        return pushToNode(connection, node.base, trees, found, claim, { ...options, onSent })
      })
      return asOnePush(value, delivery.found, formerBytes)
    } catch (thrown) {
      const error = toFleetError(thrown)
      failuresInARow += 1
      if (!isBrokenConnection(error) || failuresInARow >= MAX_FAILURES_IN_A_ROW || attempt >= MAX_ATTEMPTS) throw error
      options.step?.('connection lost, trying again')
      await pause((delivery.pauseMs ?? defaultPauseMs)(failuresInARow), signal)
      formerBytes += heardBytes
    }
  }
}

function isBrokenConnection({ code, retryable }: FleetError): boolean {
  return retryable && code.startsWith('FLEET_SSH_')
}

/** What is there of these trees, whole ones included. */
function arrivedBytes(found: Inspection, trees: Trees): number {
  return inOrder(trees).reduce((sum, { kind, manifest }) => {
    if (found.trees[kind] !== 'absent') return sum + manifest.sizeBytes
    return [...found.staged[kind].values()].reduce((bytes, one) => bytes + one, sum)
  }, 0)
}

/** An attempt that was lost may have done everything, and only not been heard of: then the next one finds nothing to do. */
function asOnePush(value: PushValue, before: Inspection, formerBytes: number): PushValue {
  const sentBytes = formerBytes + value.sentBytes
  const previous = before.currentRelease
  if (value.outcome === 'pushed' || value.outcome === 'mended') return { ...value, previous, sentBytes }
  const otherwise = previous === value.release ? value.outcome : 'switched'
  return { ...value, previous, sentBytes, outcome: sentBytes > 0 ? 'pushed' : otherwise }
}

function defaultPauseMs(failuresInARow: number): number {
  return Math.min(8000, 500 * 2 ** failuresInARow) * (0.5 + Math.random() / 2)
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (cause) {
    throw new FleetError('FLEET_SSH_ABORTED', 'the push was aborted while its connection was down', { cause })
  }
}
