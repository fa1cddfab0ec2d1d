// Everything that one connection may authenticate with, gathered before dialling: the agent's keys, key files, a password. A
// passphrase is asked for once per key file, however many nodes need it: before dialling when nothing else could let us in,
// otherwise only when the server would take that key.
import type { AnyAuthMethod, ParsedKey } from 'ssh2'
import { messageOf, systemClock, type FleetError, type Secret } from '../core/index.ts'
import { createAgentBook, type AgentKey, type AgentSession } from './agent.ts'
import { authError, keyFileError } from './auth-error.ts'
import { isSameKey } from './auth-order.ts'
import { fingerprintOf, keyTypeOf } from './fingerprint.ts'
import { certificateBeside, readKeyFile, type KeyFile } from './key-file.ts'
import { lockedKeySigner } from './locked-key.ts'
import { parseKey } from './parse-key.ts'
import type { Target } from './transport.ts'

/** A key to offer. */
export interface Offer {
  /** How a message names it. */
  readonly label: string
  /** The public key; undefined when it is not known without a passphrase. */
  readonly blob: Buffer | undefined
  /** Which of the target's identities names this key of the agent, from 0. */
  readonly named?: number | undefined
  /** Undefined: it cannot be used after all; `unusable` says why. */
  readonly method: (asking: Asking) => Promise<AnyAuthMethod | undefined>
}

/** Runs a question to a person, so that whoever holds a timer knows. */
export type Asking = <Answer>(question: () => Promise<Answer>) => Promise<Answer>

export interface Credentials {
  readonly user: string
  readonly agentKeys: readonly Offer[]
  readonly files: readonly Offer[]
  readonly password: (() => Promise<Secret>) | undefined
  /** What could not be used, each with its reason. Grows while keys are unlocked. */
  readonly unusable: readonly string[]
  /** Keys of kinds that fleet cannot use, one sentence each. */
  readonly notes: readonly string[]
  /** Lets go of the agent. May be called twice. */
  release(): void
}

export interface KeyRing {
  /** Throws FLEET_SSH_KEY_FILE or FLEET_SSH_AUTH when there is nothing to offer. */
  gather(target: Target): Promise<Credentials>
}

type Locked = Extract<KeyFile, { kind: 'locked' }>

/** Key files are read once in its life. `agentMs`: how long an agent may take to list its keys, and to sign. */
export function createKeyRing(agentMs: number): KeyRing {
  const agents = createAgentBook(agentMs, () => systemClock.monotonicMs())
  const files = new Map<string, Promise<KeyFile>>()
  const certificates = new Map<string, Promise<string | undefined>>()
  const unlocked = new Map<string, Promise<ParsedKey>>()
  const unlock = (file: Locked, target: Target): Promise<ParsedKey> =>
    remembered(unlocked, file.path, () => unlockKey(file, target))

  return {
    gather: async (target) => {
      const agent = target.agent === undefined ? NO_AGENT : await agents.open(target.agent)
      const paths = [...new Set(target.identities)]
      const found = await Promise.all(paths.map((path) => remembered(files, path, () => readKeyFile(path))))
      const beside = await Promise.all(
        paths.map((path) => remembered(certificates, path, () => certificateBeside(path))),
      )
      const bundle = sort(target, agent, found, beside, unlock)
      if (bundle.agentKeys.length + bundle.files.length === 0 && target.password === undefined) {
        agent.close()
        throw nothingToOffer(target, bundle, found)
      }
      const [only, ...others] = found.filter((file) => file.kind === 'usable' || file.kind === 'locked')
      if (only?.kind === 'locked' && others.length + bundle.agentKeys.length === 0 && target.password === undefined) {
        // No server's login timer runs while a person types.
        try {
          await unlock(only, target)
        } catch (error) {
          agent.close()
          throw error
        }
      }
      return bundle
    },
  }
}

const NO_AGENT: AgentSession = { keys: [], failure: undefined, close: () => undefined }

function sort(
  target: Target,
  agent: AgentSession,
  found: readonly KeyFile[],
  certificates: readonly (string | undefined)[],
  unlock: (file: Locked, target: Target) => Promise<ParsedKey>,
): Credentials {
  const publicKeys = found.map((file) => ({ blob: publicKeyOf(file) }))
  const placeOf = (key: AgentKey): number | undefined => {
    const place = publicKeys.findIndex((named) => isSameKey(named, key))
    return place < 0 ? undefined : place
  }
  const isWanted = (key: AgentKey): boolean => target.identitiesOnly !== true || placeOf(key) !== undefined
  const isInAgent = (blob: Buffer | undefined): boolean => agent.keys.some((key) => isSameKey(key, { blob }))
  const unusable = agent.failure === undefined ? [] : [agent.failure]
  const notes = certificates.flatMap((path) => (path === undefined ? [] : [cannot(`present the certificate ${path}`)]))

  const agentKeys = agent.keys.filter(isWanted).flatMap((key): Offer[] => {
    const label = `agent key ${fingerprintOf(key.blob)}${key.comment === '' ? '' : ` (${key.comment})`}`
    const { signer } = key
    if (signer === undefined) {
      notes.push(cannot(`use the ${kindOf(key.type)} ${label}`))
      return []
    }
    const sign = async (asking: Asking, signing: () => Promise<Buffer>): Promise<Buffer> => {
      try {
        return await asking(signing)
      } catch (error) {
        unusable.push(`${label}: the agent ${messageOf(error)}`)
        throw error
      }
    }
    const method = (asking: Asking): Promise<AnyAuthMethod> =>
      Promise.resolve({
        type: 'agent',
        username: target.user,
        agent: signer((signing) => sign(asking, signing)),
      })
    return [{ label, blob: key.blob, named: placeOf(key), method }]
  })

  const offerOfFile = (file: KeyFile): Offer[] => {
    const { path } = file
    switch (file.kind) {
      case 'unusable':
        unusable.push(file.error.message)
        return []
      case 'public': {
        if (isInAgent(file.blob)) return []
        const type = keyTypeOf(file.blob) ?? ''
        if (isPlain(type)) unusable.push(`${path}: only the public key is there, and no agent holds the private one`)
        else notes.push(cannot(`use the ${kindOf(type)} ${path}`))
        return []
      }
      case 'usable': {
        const method: AnyAuthMethod = { type: 'publickey', username: target.user, key: file.key }
        return [{ label: path, blob: file.key.getPublicSSH(), method: () => Promise.resolve(method) }]
      }
      case 'locked': {
        if (isInAgent(file.blob)) return []
        if (target.passphrase !== undefined) return [lockedOffer(file, target, unusable, () => unlock(file, target))]
        unusable.push(nobodyToAsk(path).message)
        return []
      }
    }
  }
  return {
    user: target.user,
    agentKeys,
    files: found.flatMap(offerOfFile),
    password: target.password,
    unusable,
    notes,
    release: () => {
      agent.close()
    },
  }
}

function lockedOffer(file: Locked, target: Target, unusable: string[], unlock: () => Promise<ParsedKey>): Offer {
  const username = target.user
  const noted = async (asking: Asking): Promise<ParsedKey> => {
    try {
      return await asking(unlock)
    } catch (error) {
      unusable.push(messageOf(error))
      throw error
    }
  }
  const shown = file.blob === undefined ? undefined : parseKey(file.blob)
  return {
    label: file.path,
    blob: file.blob,
    method: async (asking) => {
      if (shown !== undefined && !(shown instanceof Error))
        return { type: 'agent', username, agent: lockedKeySigner(shown, () => noted(asking)) }
      try {
        return { type: 'publickey', username, key: await noted(asking) }
      } catch {
        return undefined
      }
    },
  }
}

async function unlockKey(file: Locked, target: Target): Promise<ParsedKey> {
  const { path } = file
  if (target.passphrase === undefined) throw nobodyToAsk(path)
  try {
    return file.unlock(await target.passphrase(path))
  } catch (error) {
    throw keyFileError(path, messageOf(error), `load it into an agent: ssh-add ${path}`, error)
  }
}

function nobodyToAsk(path: string): FleetError {
  return keyFileError(path, 'it needs a passphrase and nobody can be asked', `load it into an agent: ssh-add ${path}`)
}

function publicKeyOf(file: KeyFile): Buffer | undefined {
  if (file.kind === 'unusable') return undefined
  return file.kind === 'usable' ? file.key.getPublicSSH() : file.blob
}

function isPlain(type: string): boolean {
  return !type.startsWith('sk-') && !type.includes('-cert-v0')
}

function kindOf(type: string): string {
  if (type.includes('-cert-v0')) return `certificate (${type})`
  return type.startsWith('sk-') ? `FIDO key (${type})` : `key of type ${type}`
}

function cannot(what: string): string {
  return `fleet cannot ${what} in this version`
}

function nothingToOffer(target: Target, { unusable, notes }: Credentials, found: readonly KeyFile[]): Error {
  const locked = found.find((file) => file.kind === 'locked')
  const first = found.find((file) => file.kind === 'unusable')?.error ?? (locked && nobodyToAsk(locked.path))
  return (
    first ??
    authError(target, {
      offered: [],
      accepted: [],
      leftOut: { agentKeys: 0, files: 0 },
      unusable,
      notes,
      cause: undefined,
    })
  )
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
