// The token of one node, made from the workers' token: whoever knows that one can check it, and needs no record of nodes. Both
// sides of the wire make it: the CLI to hand it to a node, the dispatcher to check it.
import { createHmac } from 'node:crypto'
import { Secret } from '../core/index.ts'

/** The node's name, a dot, and the HMAC-SHA256 (RFC 2104) of the name under the worker token, as base64url. Good for slots of that node only. */
export function nodeToken(workerToken: Secret, node: string): Secret {
  const signature = createHmac('sha256', workerToken.reveal()).update(node).digest('base64url')
  return new Secret(`${node}.${signature}`)
}
