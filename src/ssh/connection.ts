// One user's hold on a connection that others may share: closing it ends the calls of this user only.
import { createCall, type Call } from './call.ts'
import { closedError } from './ssh-error.ts'
import type { LiveConnection } from './live-connection.ts'
import type { Connection } from './transport.ts'

/** `release`: what lets go of the shared connection; called once. */
export function createConnection(live: LiveConnection, release: () => Promise<void>): Connection {
  const { node } = live.target
  const calls = new Set<Call>()
  let closing: Promise<void> | undefined
  return {
    node,
    facts: live.facts,
    exec: async (commandLine, options = {}) => {
      const call = createCall(node, { stallMs: live.idleMs, ...options })
      calls.add(call)
      call.whenOver(() => calls.delete(call))
      if (closing === undefined) live.run(commandLine, options.stdin, call)
      else call.fail(closedError(node))
      return call.result
    },
    close: () => {
      closing ??= release()
      for (const call of calls) call.fail(closedError(node))
      return closing
    },
  }
}
