// The user's ssh-agent. ssh2's own agent client keeps its socket for ever when an agent does not answer; this one can be let go of.
import type { Duplex } from 'node:stream'
import ssh2, { type GetStreamCallback, type IdentityCallback, type OpenSSHAgent, type ParsedKey } from 'ssh2'
import { messageOf } from '../core/index.ts'

export interface AgentKey {
  readonly blob: Buffer
  readonly comment: string
  /** An agent that knows this key and no other. */
  readonly signer: OpenSSHAgent
}

export interface AgentSession {
  /** Empty when the agent cannot be reached or does not answer in time: a key file may do. */
  readonly keys: readonly AgentKey[]
  /** Why there are no keys, if that was a failure. */
  readonly failure: string | undefined
  /** Drops every connection to the agent. A signature under way fails. */
  close(): void
}

/** Asks the agent at `socketPath` for its keys. Never throws. */
export async function openAgent(socketPath: string, timeoutMs: number): Promise<AgentSession> {
  const streams = new Set<Duplex>()
  const close = (): void => {
    for (const stream of streams) stream.destroy()
  }
  try {
    const keys = await identitiesOf(new ReleasableAgent(socketPath, streams), timeoutMs)
    const agentKeys = keys.map((key) => {
      return { blob: key.getPublicSSH(), comment: key.comment, signer: new OneKeyAgent(socketPath, streams, key) }
    })
    return { keys: agentKeys, failure: undefined, close }
  } catch (error) {
    close()
    return { keys: [], failure: `agent ${socketPath}: ${messageOf(error)}`, close }
  }
}

function identitiesOf(agent: ReleasableAgent, timeoutMs: number): Promise<readonly ParsedKey[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`))
    }, timeoutMs)
    agent.getIdentities((error, keys = []) => {
      clearTimeout(timer)
      if (error == null) resolve(keys.filter((key) => 'getPublicSSH' in key))
      else reject(error)
    })
  })
}

class ReleasableAgent extends ssh2.OpenSSHAgent {
  readonly #streams: Set<Duplex>

  constructor(socketPath: string, streams: Set<Duplex>) {
    super(socketPath)
    this.#streams = streams
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
}

class OneKeyAgent extends ReleasableAgent {
  readonly #key: ParsedKey

  constructor(socketPath: string, streams: Set<Duplex>, key: ParsedKey) {
    super(socketPath, streams)
    this.#key = key
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(undefined, [this.#key])
  }
}
