// Everything that one connection may authenticate with, gathered before dialling: the agent's keys, then key files, in the
// order and number that sshd tolerates. A passphrase is asked for once per key file, however many nodes need it.
import type { AnyAuthMethod } from 'ssh2'
import { messageOf } from '../core/index.ts'
import { openAgent, type AgentKey, type AgentSession } from './agent.ts'
import { orderOffers } from './auth-order.ts'
import { fingerprintOf } from './fingerprint.ts'
import { readKeyFile, type KeyFile } from './key-file.ts'
import { authError, keyFileError } from './ssh-error.ts'
import type { Target } from './transport.ts'

export interface Offer {
  /** How a message names it. */
  readonly label: string
  readonly method: AnyAuthMethod
}

export interface Credentials {
  /** At least one. */
  readonly offers: readonly Offer[]
  readonly leftOut: number
  readonly unusable: readonly string[]
  /** Lets go of the agent. May be called twice. */
  release(): void
}

export interface KeyRing {
  /** Throws FLEET_SSH_KEY_FILE or FLEET_SSH_AUTH when there is nothing to offer. */
  gather(target: Target): Promise<Credentials>
}

/** `agentMs`: how long an agent may take to list its keys. */
export function createKeyRing(agentMs: number): KeyRing {
  const files = new Map<string, Promise<KeyFile>>()
  const unlocked = new Map<string, Promise<KeyFile>>()

  const read = (path: string): Promise<KeyFile> => remembered(files, path, () => readKeyFile(path))

  const usable = async (file: KeyFile, target: Target, agentKeys: readonly AgentKey[]): Promise<KeyFile> => {
    if (file.kind !== 'locked') return file
    const { blob } = file
    if (blob !== undefined && agentKeys.some((key) => key.blob.equals(blob))) return file
    return remembered(unlocked, file.path, () => unlock(file, target))
  }

  return {
    gather: async (target) => {
      const agent = target.agent === undefined ? NO_AGENT : await openAgent(target.agent, agentMs)
      const found: KeyFile[] = []
      // One after the other: two questions for passphrases at once would be unreadable.
      for (const path of target.identities) found.push(await usable(await read(path), target, agent.keys))
      const credentials = compose(target, agent, found)
      if (credentials.offers.length === 0) {
        agent.close()
        throw nothingToOffer(target, credentials.unusable, found)
      }
      return credentials
    },
  }
}

const NO_AGENT: AgentSession = { keys: [], failure: undefined, close: () => undefined }

interface Candidate {
  readonly blob: Buffer | undefined
  readonly label: string
  /** Undefined: the key can be used through the agent only. */
  readonly method: AnyAuthMethod | undefined
}

function compose(target: Target, agent: AgentSession, found: readonly KeyFile[]): Credentials {
  const username = target.user
  const agentKeys = agent.keys.map((key): Candidate => ({
    blob: key.blob,
    label: `agent key ${fingerprintOf(key.blob)}${key.comment === '' ? '' : ` (${key.comment})`}`,
    method: { type: 'agent', username, agent: key.signer },
  }))
  const fileKeys = found.flatMap((file): Candidate[] => {
    if (file.kind === 'unusable') return []
    if (file.kind === 'locked') return [{ blob: file.blob, label: file.path, method: undefined }]
    const { path, key } = file
    return [{ blob: key.getPublicSSH(), label: path, method: { type: 'publickey', username, key } }]
  })
  const { offers, leftOut } = orderOffers(agentKeys, fileKeys)
  return {
    offers: offers.flatMap(({ label, method }) => (method === undefined ? [] : [{ label, method }])),
    leftOut,
    unusable: [
      ...(agent.failure === undefined ? [] : [agent.failure]),
      ...found.flatMap((file) => (file.kind === 'unusable' ? [file.error.message] : [])),
    ],
    release: () => {
      agent.close()
    },
  }
}

async function unlock(file: Extract<KeyFile, { kind: 'locked' }>, target: Target): Promise<KeyFile> {
  const { path } = file
  if (target.passphrase === undefined) {
    const remedy = `load it into an agent: ssh-add ${path}`
    return {
      kind: 'unusable',
      path,
      error: keyFileError(path, 'it needs a passphrase and nobody can be asked', remedy),
    }
  }
  try {
    return { kind: 'usable', path, key: file.unlock(await target.passphrase(path)) }
  } catch (error) {
    return {
      kind: 'unusable',
      path,
      error: keyFileError(path, messageOf(error), `load it into an agent: ssh-add ${path}`, error),
    }
  }
}

function nothingToOffer(target: Target, unusable: readonly string[], found: readonly KeyFile[]): Error {
  const first = found.find((file) => file.kind === 'unusable')
  return first?.error ?? authError(target, { offered: [], accepted: [], leftOut: 0, unusable, cause: undefined })
}

function remembered<Value>(
  cache: Map<string, Promise<Value>>,
  key: string,
  make: () => Promise<Value>,
): Promise<Value> {
  const kept = cache.get(key) ?? make()
  cache.set(key, kept)
  return kept
}
