// From an open connection to an authenticated SSH client, in three phases, each with its own timer.
//
//   stream ──▶ banner ──▶ key exchange (host key) ──▶ authentication ──▶ ready
//                │                │                        │
//                └────── any ─────┴────────────────────────┴─▶ failed: the stream is gone before the error is thrown
import type { Duplex } from 'node:stream'
import ssh2, { type Client, type NegotiatedAlgorithms } from 'ssh2'
import { toFleetError, type FleetError } from '../core/index.ts'
import { passOverAnnouncedKeys } from './announced-keys.ts'
import { createDialogue } from './authentication.ts'
import type { Credentials } from './credentials.ts'
import { handshakeError, handshakeTimeoutError, type HandshakePhase } from './handshake-error.ts'
import { hangUp } from './hang-up.ts'
import { hostKeyAlgorithms } from './host-key-algorithms.ts'
import type { HostTrust } from './host-trust.ts'
import { lightenPackets } from './light-packets.ts'
import { listenToOpening } from './opening.ts'
import { abortedError } from './ssh-error.ts'
import type { ConnectionFacts, Target } from './transport.ts'

export interface HandshakeTimers {
  readonly bannerMs: number
  readonly keyExchangeMs: number
  readonly authMs: number
}

type Learned = Pick<ConnectionFacts, 'greeting' | 'keyExchange' | 'hostKeyAlgorithm' | 'cipher' | 'accepted'> & {
  readonly phases: Pick<ConnectionFacts['phases'], 'bannerMs' | 'keyExchangeMs' | 'authenticationMs'>
}

export interface Handshake {
  /** Authenticated. It keeps an error listener for ever. */
  readonly client: Client
  readonly learned: Learned
}

/** On any failure the stream is closed. */
export async function shakeHands(
  stream: Duplex,
  target: Target,
  trust: HostTrust,
  credentials: Credentials,
  timers: HandshakeTimers,
  signal: AbortSignal | undefined,
): Promise<Handshake> {
  const client = new ssh2.Client()
  // ssh2 may report several errors, some of them after the end.
  client.on('error', () => undefined)
  try {
    return { client, learned: await untilReady(client, stream, target, trust, credentials, timers, signal) }
  } catch (error) {
    // Only a server that refused our keys is worth a polite end (sshd counts rude ones); others may not even be listening.
    await hangUp(client, stream, toFleetError(error).code === 'FLEET_SSH_AUTH' ? undefined : 0)
    throw error
  }
}

function untilReady(
  client: Client,
  stream: Duplex,
  target: Target,
  trust: HostTrust,
  credentials: Credentials,
  timers: HandshakeTimers,
  signal: AbortSignal | undefined,
): Promise<Learned> {
  const limits: Readonly<Record<HandshakePhase, number>> = {
    banner: timers.bannerMs,
    keyExchange: timers.keyExchangeMs,
    authentication: timers.authMs,
  }
  return new Promise((resolve, reject) => {
    const tookMs = { banner: 0, keyExchange: 0, authentication: 0 }
    let phase: HandshakePhase = 'banner'
    let beganMs = performance.now()
    let hostKey: Buffer | undefined
    let refusal: FleetError | undefined
    let recorded: Promise<void> = Promise.resolve()
    let negotiated: NegotiatedAlgorithms | undefined
    const dialogue = createDialogue(credentials)

    const stopWaiting = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (error: unknown): void => {
      stopWaiting()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    const onTimeout = (): void => {
      const extraMs = phase === 'authentication' ? dialogue.extraMs(timers.authMs) : 0
      if (extraMs > 0) timer = setTimeout(onTimeout, extraMs)
      else fail(handshakeTimeoutError(target, phase, limits[phase]))
    }
    const onAbort = (): void => {
      fail(abortedError(signal))
    }
    const endPhase = (): void => {
      tookMs[phase] = performance.now() - beganMs
      beganMs = performance.now()
    }
    const enterPhase = (next: HandshakePhase): void => {
      endPhase()
      phase = next
      clearTimeout(timer)
      timer = setTimeout(onTimeout, limits[next])
    }
    let timer = setTimeout(onTimeout, limits.banner)
    signal?.addEventListener('abort', onAbort, { once: true })
    const opening = listenToOpening(stream, () => enterPhase('keyExchange'))
    const failBy = (cause: unknown): void =>
      fail(handshakeError(target, phase, cause, { said: opening.said(), offer: opening.offer() }))

    client.on('handshake', (algorithms) => {
      // Rekeying comes here too.
      if (phase === 'authentication') return
      enterPhase('authentication')
      negotiated = algorithms
      if (hostKey !== undefined) recorded = trust.record(hostKey)
      recorded.catch(fail)
    })
    client.on('error', (error: Error & { level?: string }) => {
      // The agent could not sign with one key; the next one is tried.
      if (error.level === 'agent') return
      if (refusal !== undefined) fail(refusal)
      else if (dialogue.isRefusal(error)) fail(dialogue.refusal(target, error))
      else failBy(error)
    })
    client.on('close', () => {
      if (refusal === undefined) failBy(undefined)
      else fail(refusal)
    })
    client.on('ready', () => {
      stopWaiting()
      endPhase()
      const learned = {
        greeting: opening.greeting(),
        keyExchange: negotiated?.kex ?? '',
        hostKeyAlgorithm: negotiated?.serverHostKey ?? '',
        cipher: negotiated?.cs.cipher ?? '',
        accepted: dialogue.lastOffer(),
        phases: {
          bannerMs: tookMs.banner,
          keyExchangeMs: tookMs.keyExchange,
          authenticationMs: tookMs.authentication,
        },
      }
      recorded.then(() => resolve(learned), fail)
    })
    try {
      client.connect({
        sock: stream,
        username: target.user,
        readyTimeout: 0,
        // ssh2's timer would keep this process alive; ours does not.
        keepaliveInterval: 0,
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
      dialogue.watch(client)
      passOverAnnouncedKeys(client)
      lightenPackets(client, stream)
    } catch (error) {
      failBy(error)
    }
  })
}
