// One live SSH connection. Calls share it through a gate of 8 channels (sshd's MaxSessions is 10 by default). When the connection
// goes, every call on it ends at once: ssh2 by itself would leave some of them waiting for ever.
import type { Socket } from 'node:net'
import type { Client } from 'ssh2'
import type { FleetError, NodeName } from '../core/index.ts'
import { createCall, type Call } from './call.ts'
import { runOnChannel } from './channel.ts'
import { createGate } from './gate.ts'
import { hangUp } from './hang-up.ts'
import { closedError, lostError } from './ssh-error.ts'
import type { Connection } from './transport.ts'

export const MAX_CHANNELS = 8

/** `client` must be ready and keep an error listener of its own. */
export function createConnection(node: NodeName, client: Client, socket: Socket): Connection {
  const gate = createGate(MAX_CHANNELS)
  const calls = new Set<Call>()
  let ended: FleetError | undefined
  let cause: unknown
  let isGone = false

  const end = (error: FleetError): void => {
    ended ??= error
    for (const call of calls) call.fail(ended)
  }
  const onGone = (): void => {
    isGone = true
    // An exit status that arrived just before the end is still on its way through the channel's streams.
    setImmediate(() => {
      end(lostError(node, cause))
      socket.destroy()
    })
  }
  client.on('error', (error) => {
    cause ??= error
  })
  client.once('end', onGone)
  client.once('close', onGone)

  const context = { client, gate, node, lost: () => lostError(node, cause), isGone: () => isGone }

  return {
    node,
    exec: async (commandLine, options = {}) => {
      const call = createCall(node, options)
      calls.add(call)
      call.whenOver(() => calls.delete(call))
      if (ended !== undefined) call.fail(ended)
      else runOnChannel(context, commandLine, options.stdin, call)
      return call.result
    },
    close: async () => {
      end(closedError(node))
      await hangUp(client, socket)
    },
  }
}
