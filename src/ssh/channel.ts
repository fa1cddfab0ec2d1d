// One command on one channel: waits for room, opens, feeds, drains, and keeps its place until the channel is really closed on
// both sides, because sshd counts it until then.
import type { Client, ClientChannel } from 'ssh2'
import { FleetError, messageOf } from '../core/index.ts'
import { unknownOutcomeError, type Call } from './call.ts'
import { endChannel } from './end-channel.ts'
import { feed } from './feed.ts'
import type { Gate } from './gate.ts'
import type { ExecOptions } from './transport.ts'

export interface ChannelContext {
  readonly client: Client
  readonly gate: Gate
  /** For messages. */
  readonly node: string
  /** The connection's end as an error, for a call that meets it first. */
  readonly lost: () => FleetError
  /** The connection has ended, though the calls may not have been told yet. */
  readonly isGone: () => boolean
  /** See refusals.ts. */
  readonly isRefusing: () => boolean
  /** For a channel to open and its command to be taken. Milliseconds. */
  readonly channelMs: number
}

const MAX_ATTEMPTS = 6
const REFUSED_WAIT_MS = 20
/** For the server to close its side of a channel too. sshd does so at once; Dropbear keeps it for a command that outlives its TERM. */
const CLOSE_MS = 5000

/** Returns at once; everything that happens is told to `call`. */
export function runOnChannel(
  context: ChannelContext,
  commandLine: string,
  stdin: ExecOptions['stdin'],
  call: Call,
  attempt = 1,
): void {
  const { client, gate } = context
  let isOpening = false
  const ticket = gate.enter(() => {
    // Room right now means that this runs before `enter` has returned the ticket.
    queueMicrotask(() => {
      if (call.isOver) ticket.leave()
      else open()
    })
  })
  // While it waits, and only then, a call that ends gives its place back by itself.
  call.whenOver(() => {
    if (!isOpening) ticket.leave()
  })

  const open = (): void => {
    isOpening = true
    const timer = setTimeout(() => {
      call.fail(channelTimeoutError(context.node, context.channelMs))
    }, context.channelMs)
    call.whenOver(() => {
      clearTimeout(timer)
    })
    try {
      client.exec(commandLine, (error, channel) => {
        clearTimeout(timer)
        if (error === undefined) call.begin()
        if (error === undefined) attach(channel, context, stdin, call, ticket.leave)
        else onRefused(error, context.isRefusing())
      })
    } catch {
      // ssh2 throws `Not connected` here instead of calling back.
      clearTimeout(timer)
      ticket.leave()
      call.fail(context.lost())
    }
  }

  const onRefused = (error: Error, isNo: boolean): void => {
    const others = gate.inside - 1
    ticket.leave()
    if (call.isOver) return
    // RFC 4254 5.1: the server refused the channel. With others open this is its MaxSessions, lower than ours; with none it may
    // not have noticed yet that the one before is closed, or a command that we gave up on is still alive.
    if ('reason' in error && others > 0) {
      gate.resize(Math.min(gate.capacity - 1, others))
      runOnChannel(context, commandLine, stdin, call, attempt)
    } else if ('reason' in error && attempt < MAX_ATTEMPTS) {
      const timer = setTimeout(() => {
        runOnChannel(context, commandLine, stdin, call, attempt + 1)
      }, attempt * REFUSED_WAIT_MS)
      call.whenOver(() => {
        clearTimeout(timer)
      })
    } else if ('reason' in error) {
      call.fail(sessionLimitError(context.node, error))
    } else if (isNo) {
      call.fail(refusedError(context.node, error))
    } else if (error.message === 'Unable to exec') {
      // The end of a connection closes its channels first, and is known a turn later.
      setImmediate(() => {
        call.fail(context.isGone() ? context.lost() : unknownOutcomeError(context.node, error))
      })
    } else {
      call.fail(context.lost())
    }
  }
}

function attach(
  channel: ClientChannel,
  { client, node, lost, isGone }: ChannelContext,
  stdin: ExecOptions['stdin'],
  call: Call,
  leave: () => void,
): void {
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let exit: { readonly code: number | undefined; readonly signal: string | undefined } | undefined
  channel.on('error', () => undefined)
  channel.stderr.on('error', () => undefined)
  channel.on('data', call.stdout)
  channel.stderr.on('data', call.stderr)
  channel.on('exit', (code: number | null, signal?: string) => {
    exit = { code: code ?? undefined, signal: code === null ? signal?.replace(/^SIG/, '') : undefined }
  })
  channel.once('close', () => {
    isClosed = true
    clearTimeout(timer)
    leave()
    // `close` waits for the end of stdout only.
    if (channel.stderr.readableEnded) conclude()
    else channel.stderr.once('end', conclude)
  })
  const conclude = (): void => {
    if (exit === undefined) call.fail(isGone() ? lost() : unknownOutcomeError(node))
    else call.end(exit.code, exit.signal)
  }
  call.whenOver(() => {
    if (isClosed) return
    endChannel(client, channel, exit === undefined)
    timer = setTimeout(leave, CLOSE_MS).unref()
  })
  feed(channel, stdin, call)
}

function refusedError(node: string, cause: Error): FleetError {
  return new FleetError('FLEET_SSH_CHANNEL', `expected ${node} to run a command, it refused: ${messageOf(cause)}`, {
    remedy: 'check ForceCommand and the restrictions of the key in authorized_keys on the node',
    retryable: true,
    cause,
  })
}

function sessionLimitError(node: string, cause: Error): FleetError {
  return new FleetError(
    'FLEET_SSH_SESSION_LIMIT',
    `expected ${node} to open a channel, it refused: ${messageOf(cause)}`,
    {
      remedy: 'check MaxSessions in sshd_config on the node (at least 1), and what else runs on this connection',
      retryable: true,
      cause,
    },
  )
}

function channelTimeoutError(node: string, afterMs: number): FleetError {
  return new FleetError(
    'FLEET_SSH_CHANNEL_TIMEOUT',
    `expected ${node} to begin a command within ${afterMs} ms, it did not answer`,
    { remedy: 'look at the node: its load, its disk, the network; then run the same command again', retryable: true },
  )
}
