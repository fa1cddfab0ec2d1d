// Who is calling: the operator, any worker, or the workers of one node. Decided before a byte of a body is read, and compared
// in constant time.
import { timingSafeEqual } from 'node:crypto'
import { FleetError, type FullSlotName, type Secret } from '../core/index.ts'
import { nodeToken } from '../protocol/index.ts'

/** `node`: the only node whose slots this caller may speak for; undefined: every slot. */
export type Caller =
  | { readonly role: 'operator'; readonly node: undefined }
  | { readonly role: 'worker'; readonly node: string | undefined }

export interface Access {
  /** `authorization`: the header as it came. Throws FLEET_DISPATCHER_UNAUTHORIZED. */
  identify(authorization: string | undefined): Caller
}

const OPERATOR: Caller = { role: 'operator', node: undefined }
const ANY_WORKER: Caller = { role: 'worker', node: undefined }
const SCHEME = /^bearer +/i

export function createAccess(operatorToken: Secret, workerToken: Secret): Access {
  const operator = Buffer.from(operatorToken.reveal())
  const worker = Buffer.from(workerToken.reveal())
  // Only nodes that proved themselves are remembered, so strangers cannot fill it.
  const nodes = new Map<string, { readonly token: Buffer; readonly caller: Caller }>()

  function identifyNode(token: string, given: Buffer): Caller | undefined {
    // base64url has no dot, and a node's name may have many.
    const node = token.slice(0, Math.max(0, token.lastIndexOf('.')))
    if (node === '') return undefined
    const known = nodes.get(node)
    if (known !== undefined) return same(given, known.token) ? known.caller : undefined
    const expected = Buffer.from(nodeToken(workerToken, node).reveal())
    if (!same(given, expected)) return undefined
    const caller: Caller = { role: 'worker', node }
    nodes.set(node, { token: expected, caller })
    return caller
  }

  return {
    identify(authorization) {
      const token = authorization?.replace(SCHEME, '') ?? ''
      const given = Buffer.from(token)
      const caller = same(given, worker) ? ANY_WORKER : same(given, operator) ? OPERATOR : identifyNode(token, given)
      if (caller !== undefined) return caller
      throw new FleetError(
        'FLEET_DISPATCHER_UNAUTHORIZED',
        `expected a valid bearer token, found ${authorization === undefined ? 'none' : 'another'}`,
        {
          remedy: 'Send "Authorization: Bearer TOKEN" with the token of this job; fleet start gives the nodes theirs.',
        },
      )
    },
  }
}

/** Throws FLEET_DISPATCHER_FORBIDDEN unless the caller is the operator. */
export function requireOperator(caller: Caller): void {
  if (caller.role === 'operator') return
  throw new FleetError('FLEET_DISPATCHER_FORBIDDEN', 'expected the operator token, found a worker token', {
    remedy: 'Use the token in operator.token, beside the ledger.',
  })
}

/** Throws FLEET_DISPATCHER_FORBIDDEN unless the caller may speak for `slot`. */
export function requireSlot(caller: Caller, slot: FullSlotName): void {
  const { node } = caller
  if (node === undefined || (slot.startsWith(node) && slot[node.length] === '/')) return
  throw new FleetError(
    'FLEET_DISPATCHER_FORBIDDEN',
    `expected a slot of node ${node}, whose token this is, found ${slot}`,
    {
      remedy: 'Give every node its own token: fleet start.',
    },
  )
}

function same(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected)
}
