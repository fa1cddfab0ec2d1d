// One SSH connection as its users share it: their calls go through a gate of 8 channels (sshd's MaxSessions is 10 by default). When the
// connection goes, every call on it ends at once: ssh2 by itself would leave some of them waiting for ever.
import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import type { Client } from 'ssh2'
import type { FleetError } from '../core/index.ts'
import type { Call } from './call.ts'
import { channelLimit } from './channel-limit.ts'
import { runOnChannel } from './channel.ts'
import { createGate } from './gate.ts'
import { hangUp } from './hang-up.ts'
import { keepAlive } from './keepalive.ts'
import { watchRefusals } from './refusals.ts'
import { closedError, lostError, lostHopError } from './ssh-error.ts'
import type { ConnectionFacts, ExecOptions, Target } from './transport.ts'

export interface LiveConnection {
  readonly target: Target
  readonly client: Client
  readonly facts: ConnectionFacts
  readonly idleMs: number
  /** The connection has ended, though the calls may not have been told yet. */
  isGone(): boolean
  /** Fit for another user: neither gone nor has a call on it stalled. */
  isSound(): boolean
  /** The end as an error. */
  lost(): FleetError
  /** Calls `action` when the connection is gone, at once if it is. Returns what takes it back. */
  whenGone(action: () => void): () => void
  run(commandLine: string, stdin: ExecOptions['stdin'], call: Call): void
  /** True: nobody uses it now, and it must not keep this process alive. */
  rest(isResting: boolean): void
  /** Ends it; running calls end with FLEET_SSH_CLOSED. May be called twice. Always settles. */
  close(): Promise<void>
}

/** What a connection is made of. `client` must be ready and keep an error listener of its own. */
export interface ConnectionParts {
  readonly target: Target
  readonly client: Client
  readonly stream: Duplex
  readonly facts: ConnectionFacts
  /** The way to it, when there is a hop. */
  readonly hop: { readonly live: LiveConnection; rest(isResting: boolean): void } | undefined
}

export interface LiveTimers {
  readonly keepaliveMs: number
  readonly channelMs: number
  readonly idleMs: number
}

export function createLiveConnection(
  { target, client, stream, facts, hop }: ConnectionParts,
  timers: LiveTimers,
): LiveConnection {
  const { node } = target
  const gate = createGate(channelLimit(facts.greeting))
  const calls = new Set<Call>()
  const actions = new Set<() => void>()
  let ended: FleetError | undefined
  let cause: unknown
  let isGone = false
  let isSound = true
  let leaveHop = (): void => undefined

  const lost = (): FleetError =>
    hop?.live.isGone() === true ? lostHopError(node, hop.live.target.node, hop.live.lost()) : lostError(node, cause)
  const end = (error: FleetError): void => {
    ended ??= error
    for (const call of calls) call.fail(ended)
  }
  const onGone = (): void => {
    if (isGone) return
    isGone = true
    stopAsking()
    leaveHop()
    // An exit status that arrived just before the end is still on its way through the channel's streams.
    setImmediate(() => {
      end(lost())
      stream.destroy()
    })
    for (const action of actions) action()
  }
  const stopAsking = keepAlive(client, stream, timers.keepaliveMs, () => {
    cause ??= new Error('Keepalive timeout')
    stream.destroy()
    onGone()
  })
  client.on('error', (error) => {
    cause ??= error
  })
  client.once('end', onGone)
  client.once('close', onGone)
  // A hop outlives many connections behind it, and must not remember them.
  leaveHop = hop?.live.whenGone(onGone) ?? leaveHop
  if (stream.destroyed) onGone()

  const context = {
    client,
    gate,
    node,
    lost,
    isGone: () => isGone,
    isRefusing: watchRefusals(client),
    channelMs: timers.channelMs,
  }

  return {
    target,
    client,
    facts,
    idleMs: timers.idleMs,
    isGone: () => isGone,
    isSound: () => isSound && !isGone && ended === undefined,
    lost,
    whenGone: (action) => {
      if (isGone) action()
      else actions.add(action)
      return () => void actions.delete(action)
    },
    run: (commandLine, stdin, call) => {
      calls.add(call)
      call.whenOver(() => calls.delete(call))
      call.result.catch((error: unknown) => {
        if (isSilence(error)) isSound = false
      })
      if (ended !== undefined) call.fail(ended)
      else runOnChannel(context, commandLine, stdin, call)
    },
    rest: (isResting) => {
      if (stream instanceof Socket) {
        if (isResting) stream.unref()
        else stream.ref()
      }
      hop?.rest(isResting)
    },
    close: async () => {
      stopAsking()
      end(closedError(node))
      await hangUp(client, stream)
    },
  }
}

function isSilence(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    ['FLEET_SSH_STALLED', 'FLEET_SSH_CHANNEL_TIMEOUT'].includes(String(error.code))
  )
}
