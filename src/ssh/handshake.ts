// From an open socket to an authenticated SSH client. Two phases, each with its own timer: key exchange with the check of the
// host key, then authentication.
//
//   socket ──▶ handshake ──▶ authentication ──▶ ready
//                 │                 │
//                 └────── any ──────┴─▶ failed: the socket is gone before the error is thrown
import type { Socket } from 'node:net'
import ssh2, { type AnyAuthMethod, type Client } from 'ssh2'
import { toFleetError, type FleetError } from '../core/index.ts'
import type { Credentials } from './credentials.ts'
import { hangUp } from './hang-up.ts'
import { hostKeyAlgorithms } from './host-key-algorithms.ts'
import type { HostTrust } from './host-trust.ts'
import { authError, abortedError, handshakeError, handshakeTimeoutError, type Phase } from './ssh-error.ts'
import type { Target } from './transport.ts'

export interface HandshakeTimers {
  readonly handshakeMs: number
  readonly authMs: number
  /** Sent when nothing was heard for so long; after three without an answer the connection counts as lost. */
  readonly keepaliveMs: number
}

/** An authenticated client. On any failure the socket is closed. The client keeps an error listener for ever. */
export async function shakeHands(
  socket: Socket,
  target: Target,
  trust: HostTrust,
  credentials: Credentials,
  timers: HandshakeTimers,
  signal: AbortSignal | undefined,
): Promise<Client> {
  const client = new ssh2.Client()
  // ssh2 may report several errors, some of them after the end.
  client.on('error', () => undefined)
  try {
    await untilReady(client, socket, target, trust, credentials, timers, signal)
    return client
  } catch (error) {
    // Only a server that refused our keys is worth a polite end (sshd counts rude ones); others may not even be listening.
    await hangUp(client, socket, toFleetError(error).code === 'FLEET_SSH_AUTH' ? undefined : 0)
    throw error
  }
}

function untilReady(
  client: Client,
  socket: Socket,
  target: Target,
  trust: HostTrust,
  credentials: Credentials,
  timers: HandshakeTimers,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let phase: Phase = 'handshake'
    let hostKey: Buffer | undefined
    let refusal: FleetError | undefined
    let recorded: Promise<void> = Promise.resolve()
    const said = listenToGreeting(socket)
    const dialogue = createDialogue(credentials)

    const fail = (error: unknown): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    const onTimeout = (): void => {
      fail(handshakeTimeoutError(target, phase, phase === 'handshake' ? timers.handshakeMs : timers.authMs))
    }
    const onAbort = (): void => {
      fail(abortedError(signal))
    }
    let timer = setTimeout(onTimeout, timers.handshakeMs)
    signal?.addEventListener('abort', onAbort, { once: true })

    client.on('handshake', () => {
      if (phase === 'authentication') return
      phase = 'authentication'
      clearTimeout(timer)
      timer = setTimeout(onTimeout, timers.authMs)
      if (hostKey !== undefined) recorded = trust.record(hostKey)
      recorded.catch(fail)
    })
    client.on('error', (error: Error & { level?: string }) => {
      // The agent could not sign with one key; the next one is tried.
      if (error.level === 'agent') return
      if (refusal !== undefined) fail(refusal)
      else if (dialogue.isRefusal(error)) fail(authError(target, { ...dialogue.report(), cause: error }))
      else fail(handshakeError(target, phase, error, said()))
    })
    client.on('close', () => {
      fail(refusal ?? handshakeError(target, phase, undefined, said()))
    })
    client.on('ready', () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      recorded.then(resolve, fail)
    })
    try {
      client.connect({
        sock: socket,
        username: target.user,
        readyTimeout: 0,
        keepaliveInterval: timers.keepaliveMs,
        keepaliveCountMax: 3,
        algorithms: { serverHostKey: hostKeyAlgorithms(trust.keyTypes) },
        hostVerifier: (key: Buffer): boolean => {
          // Asked again at every rekeying: the key must stay the one that was accepted.
          if (hostKey !== undefined) return hostKey.equals(key)
          refusal = trust.refusal(key)
          if (refusal === undefined) hostKey = key
          return refusal === undefined
        },
        authHandler: dialogue.next,
      })
    } catch (error) {
      fail(handshakeError(target, phase, error, said()))
    }
  })
}

/** The authentication dialogue: one offer after the other, and what came back. */
function createDialogue(credentials: Credentials): {
  readonly next: (accepted: readonly string[] | null) => AnyAuthMethod | false
  isRefusal(error: Error & { level?: string; code?: unknown }): boolean
  report(): { offered: string[]; accepted: readonly string[]; leftOut: number; unusable: readonly string[] }
} {
  let next = 0
  let lastAccepted: readonly string[] = []
  return {
    next: (accepted) => {
      lastAccepted = accepted ?? lastAccepted
      const offer = credentials.offers[next]
      if (offer === undefined) return false
      next += 1
      return offer.method
    },
    // Either everything was offered in vain, or the server said "Too many authentication failures" (a disconnect with words).
    isRefusal: (error) => error.level === 'client-authentication' || (typeof error.code === 'number' && next > 0),
    report: () => ({
      offered: credentials.offers.slice(0, next).map((offer) => offer.label),
      accepted: lastAccepted,
      leftOut: credentials.leftOut,
      unusable: credentials.unusable,
    }),
  }
}

/** What the server says first, up to one line, unless it is a proper SSH greeting: sshd explains a drop there in plain text. */
function listenToGreeting(socket: Socket): () => string {
  let said: string | undefined
  // ssh2 has the socket paused until it listens itself, so nothing is missed and nothing is taken away from it.
  socket.pause()
  socket.once('data', (chunk: Buffer) => {
    const [line = ''] = chunk.toString('latin1', 0, 200).split(/\r?\n/)
    // eslint-disable-next-line no-control-regex
    said = line.startsWith('SSH-') ? '' : line.replace(/[\x00-\x1f\x7f-\xff]/g, '?')
  })
  return () => said ?? ''
}
