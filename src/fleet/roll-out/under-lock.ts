// A roll-out under the operator lock: interrupted before the lock was had, it has touched nothing, and says so of each node.
import type { Transport } from '../../ssh/index.ts'
import type { FleetNode } from '../fleet-node.ts'
import { withOperatorLock, type OperatorLock, type OperatorLockOptions } from '../lock/operator-lock.ts'
import type { NodeResult } from '../node-result.ts'
import { INTERRUPTED, notTouched } from './roll-out.ts'

/** Without nodes nothing is locked. Throws FLEET_LOCK_HELD, with nothing done, when another operator is at work. */
export async function underLock<Value>(
  transport: Transport,
  nodes: readonly FleetNode[],
  options: OperatorLockOptions & { readonly signal: AbortSignal },
  work: (lock: OperatorLock) => Promise<readonly NodeResult<Value>[]>,
): Promise<readonly NodeResult<Value>[]> {
  if (nodes.length === 0) return []
  let isBegun = false
  // Asked anew after every wait.
  const hasBegun = (): boolean => isBegun
  try {
    return await withOperatorLock(transport, nodes, options, (lock) => {
      isBegun = true
      return work(lock)
    })
  } catch (error) {
    if (hasBegun() || !options.signal.aborted) throw error
    return nodes.map(({ node }) => ({ node, ok: false, error: notTouched(INTERRUPTED) }))
  }
}
