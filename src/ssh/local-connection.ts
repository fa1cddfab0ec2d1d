// The control machine seen as a node: the same commands, the same interface, no SSH. The dispatcher's supervision runs through
// this, so it is the same on the control machine as anywhere else.
import { FleetError, messageOf, type NodeName } from '../core/index.ts'
import { createCall, unknownOutcomeError, type Call } from './call.ts'
import { MAX_CHANNELS } from './channel-limit.ts'
import { feed } from './feed.ts'
import { createGate } from './gate.ts'
import { spawnGroup, type ProcessGroup } from './process-group.ts'
import { closedError } from './ssh-error.ts'
import type { Connection, ExecOptions } from './transport.ts'

/** From TERM to KILL for a command whose call has ended. */
const GRACE_MS = 2000

/** Each command is a process group of its own; closing, aborting or a limit ends the group. */
export function createLocalConnection(node: NodeName): Connection {
  const gate = createGate(MAX_CHANNELS)
  const running = new Set<Promise<void>>()
  const calls = new Set<Call>()
  let isClosed = false

  return {
    node,
    facts: undefined,
    exec: async (commandLine, options = {}) => {
      const call = createCall(node, options)
      calls.add(call)
      call.whenOver(() => calls.delete(call))
      if (isClosed) call.fail(closedError(node))
      const ticket = gate.enter(() => {
        if (call.isOver) return
        const done = run(node, commandLine, options.stdin, call)
        running.add(done)
        void done.finally(() => running.delete(done))
      })
      call.whenOver(() => {
        ticket.leave()
      })
      return call.result
    },
    close: async () => {
      isClosed = true
      for (const call of calls) call.fail(closedError(node))
      await Promise.all(running)
    },
  }
}

/** Settles when the command's group has been dealt with. Never rejects. */
async function run(node: string, commandLine: string, stdin: ExecOptions['stdin'], call: Call): Promise<void> {
  const group = spawnGroup(commandLine)
  const { child } = group
  call.begin()
  child.stdout.on('data', call.stdout)
  child.stderr.on('data', call.stderr)
  feed(child.stdin, stdin, call)
  child.once('close', () => {
    void conclude(node, group, call)
  })
  await new Promise<void>((resolve) => {
    call.whenOver(resolve)
  })
  await group.stop(GRACE_MS)
}

async function conclude(node: string, group: ProcessGroup, call: Call): Promise<void> {
  try {
    const { exitCode, signal } = await group.ended
    if (exitCode === undefined && signal === undefined) call.fail(unknownOutcomeError(node))
    else call.end(exitCode, signal)
  } catch (error) {
    call.fail(
      new FleetError('FLEET_SSH_CHANNEL', `expected to start /bin/sh on this machine: ${messageOf(error)}`, {
        cause: error,
      }),
    )
  }
}
