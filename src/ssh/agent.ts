// The user's ssh-agent. Its list of keys is asked for once for all connections of a moment; every connection signs over sockets
// of its own. ssh2's agent client keeps its socket for ever when an agent does not answer; this one can be let go of.
import type { Duplex } from 'node:stream'
import ssh2, {
  type GetStreamCallback,
  type IdentityCallback,
  type OpenSSHAgent,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2'
import { messageOf } from '../core/index.ts'
import { listAgentKeys, type ListedKey } from './agent-listing.ts'
import { keyTypeOf } from './fingerprint.ts'
import { parseKey } from './parse-key.ts'

export interface AgentKey {
  readonly blob: Buffer
  /** As in the public key, for example `ssh-ed25519`; `unknown` when it has none. */
  readonly type: string
  readonly comment: string
  /**
   * An agent that knows this key and no other; undefined when ssh2 cannot use this kind of key. `around` runs each signing: an
   * agent may ask a person first (`ssh-add -c`).
   */
  readonly signer: ((around: Around) => OpenSSHAgent) | undefined
}

type Around = (signing: () => Promise<Buffer>) => Promise<Buffer>

export interface AgentSession {
  /** Empty when the agent cannot be reached or does not answer in time: a key file may do. */
  readonly keys: readonly AgentKey[]
  /** Why there are no keys, if that was a failure. */
  readonly failure: string | undefined
  /** Drops every connection to the agent that this session opened. A signature under way fails. May be called twice. */
  close(): void
}

export interface AgentBook {
  /** The agent at `socketPath`. Never throws. */
  open(socketPath: string): Promise<AgentSession>
}

interface Listing {
  readonly keys: readonly ListedKey[]
  readonly failure: string | undefined
}

/** How long an answer is good for: one run's connections share it, and a key that is added while a table is watched is seen. */
const LISTING_MS = 5000

/** `timeoutMs`: how long an agent may take to list its keys, and to sign. `nowMs`: any clock that does not step back. */
export function createAgentBook(timeoutMs: number, nowMs: () => number): AgentBook {
  const listings = new Map<string, { readonly listing: Promise<Listing>; answeredMs: number }>()

  const list = (socketPath: string): Promise<Listing> => {
    const kept = listings.get(socketPath)
    if (kept !== undefined && nowMs() - kept.answeredMs < LISTING_MS) return kept.listing
    const entry = { listing: listingOf(socketPath, timeoutMs), answeredMs: Infinity }
    listings.set(socketPath, entry)
    void entry.listing.then(() => (entry.answeredMs = nowMs()))
    return entry.listing
  }

  return {
    open: async (socketPath) => {
      const { keys, failure } = await list(socketPath)
      const streams = new Set<Duplex>()
      return {
        keys: keys.map((key) => agentKey(key, socketPath, streams, timeoutMs)),
        failure,
        close: () => {
          for (const stream of streams) stream.destroy()
        },
      }
    },
  }
}

async function listingOf(socketPath: string, timeoutMs: number): Promise<Listing> {
  try {
    return { keys: await listAgentKeys(socketPath, timeoutMs), failure: undefined }
  } catch (error) {
    return { keys: [], failure: `agent ${socketPath}: ${messageOf(error)}` }
  }
}

function agentKey({ blob, comment }: ListedKey, socketPath: string, streams: Set<Duplex>, timeoutMs: number): AgentKey {
  const type = keyTypeOf(blob) ?? 'unknown'
  const key = parseKey(blob)
  // The type is compared because ssh2 takes some certificates for the keys in them.
  if (key instanceof Error || key.type !== type) return { blob, type, comment, signer: undefined }
  return { blob, type, comment, signer: (around) => new OneKeyAgent(socketPath, streams, key, timeoutMs, around) }
}

class OneKeyAgent extends ssh2.OpenSSHAgent {
  readonly #streams: Set<Duplex>
  readonly #key: ParsedKey
  readonly #timeoutMs: number
  readonly #around: Around

  constructor(socketPath: string, streams: Set<Duplex>, key: ParsedKey, timeoutMs: number, around: Around) {
    super(socketPath)
    this.#streams = streams
    this.#key = key
    this.#timeoutMs = timeoutMs
    this.#around = around
  }

  override getStream(callback: GetStreamCallback): void {
    super.getStream((error, stream) => {
      if (stream !== undefined) {
        this.#streams.add(stream)
        stream.once('close', () => this.#streams.delete(stream))
      }
      callback(error, stream)
    })
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(undefined, [this.#key])
  }

  override sign(
    publicKey: string | Buffer | ParsedKey,
    data: Buffer,
    options?: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): boolean {
    const answer = typeof options === 'function' ? options : callback
    const details = typeof options === 'object' ? options : {}
    void this.#around(() => this.#signInTime(publicKey, data, details)).then(
      (signature) => answer?.(undefined, signature),
      (error: unknown) => answer?.(error instanceof Error ? error : new Error(String(error))),
    )
    return true
  }

  async #signInTime(publicKey: string | Buffer | ParsedKey, data: Buffer, options: SigningRequestOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const timer = setTimeout(() => {
      reject(new Error(`did not sign within ${this.#timeoutMs} ms`))
    }, this.#timeoutMs)
    try {
      super.sign(publicKey, data, options, (error, signature) => {
        if (signature === undefined) reject(new Error(`did not sign: ${messageOf(error)}`, { cause: error }))
        else resolve(signature)
      })
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }
}
