// What is offered to a server, and in which order. Pure. sshd counts every key it is shown and every password, and hangs up after
// MaxAuthTries (6 by default, sshd_config(5)), so an agent full of keys must not crowd out the key file that the inventory
// names, nor the password.

export interface Offerable {
  /** The public key; undefined when it is not known without a passphrase. */
  readonly blob: Buffer | undefined
  /** For an agent key that an identity names, also by its public half alone: which identity, from 0. */
  readonly named?: number | undefined
}

export interface AuthState<Agent extends Offerable, File extends Offerable> {
  /** What the server would take next; undefined before it has said so. */
  readonly accepted: readonly string[] | undefined
  /** Keys that were not offered yet. */
  readonly agentKeys: readonly Agent[]
  readonly files: readonly File[]
  /** How often the server has said no. A partial success is none. */
  readonly refusals: number
  /** Methods that work with a password and were not tried yet; empty when there is no password. */
  readonly passwordMethods: readonly PasswordMethod[]
}

export type PasswordMethod = 'keyboard-interactive' | 'password'

export type Step<Key> =
  | { readonly kind: 'key'; readonly key: Key }
  | { readonly kind: PasswordMethod }
  /** Asks which methods there are; sshd does not count it as a try. */
  | { readonly kind: 'none' }
  | { readonly kind: 'give-up' }

const MAX_TRIES = 6

/** OpenSSH's order (ssh_config(5), PreferredAuthentications): public keys, keyboard-interactive, password; of these only what the server takes. */
export function nextStep<Agent extends Offerable, File extends Offerable>(
  state: AuthState<Agent, File>,
): Step<Agent | File> {
  const isAccepted = (method: string): boolean => state.accepted?.includes(method) !== false
  const passwordMethods = state.passwordMethods.filter(isAccepted)
  if (isAccepted('publickey')) {
    const room = MAX_TRIES - state.refusals - passwordMethods.length
    const [key] = orderOffers(state.agentKeys, state.files, room)
    if (key !== undefined) return { kind: 'key', key }
  }
  const [method] = passwordMethods
  if (method === undefined || state.refusals >= MAX_TRIES) return { kind: 'give-up' }
  return state.accepted === undefined ? { kind: 'none' } : { kind: method }
}

/**
 * OpenSSH's order (sshconnect2.c, pubkey_prepare): agent keys that are named as files too, in the order of the files; the
 * other agent keys; then the files that no agent holds. What does not fit is cut from the other agent keys first.
 */
export function orderOffers<Agent extends Offerable, File extends Offerable>(
  agentKeys: readonly Agent[],
  files: readonly File[],
  limit: number,
): readonly (Agent | File)[] {
  const placeOf = (key: Agent): number => key.named ?? files.findIndex((file) => isSameKey(key, file))
  const named = agentKeys.filter((key) => placeOf(key) >= 0).sort((a, b) => placeOf(a) - placeOf(b))
  const others = agentKeys.filter((key) => !named.includes(key))
  const filesOnly = files.filter((file) => !agentKeys.some((key) => isSameKey(key, file)))
  const room = Math.max(0, limit - named.length - filesOnly.length)
  const offers = [...new Set([...named, ...others.slice(0, room), ...filesOnly])]
  return offers.slice(0, Math.max(0, limit))
}

export function isSameKey(a: Offerable, b: Offerable): boolean {
  return a.blob !== undefined && b.blob !== undefined && a.blob.equals(b.blob)
}
