// A key file with a passphrase, offered by its public half: as with ssh(1), nobody is asked before the server has said that it
// would take the key. To ssh2 it looks like an agent with one key.
import ssh2, {
  type BaseAgent,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2'

/** `unlock` may ask a person; it is called for every signature, and its rejection means that the next key is tried. */
export function lockedKeySigner(publicKey: ParsedKey, unlock: () => Promise<ParsedKey>): BaseAgent<ParsedKey> {
  return new LockedKey(publicKey, unlock)
}

class LockedKey extends ssh2.BaseAgent<ParsedKey> {
  readonly #publicKey: ParsedKey
  readonly #unlock: () => Promise<ParsedKey>

  constructor(publicKey: ParsedKey, unlock: () => Promise<ParsedKey>) {
    super()
    this.#publicKey = publicKey
    this.#unlock = unlock
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(undefined, [this.#publicKey])
  }

  override sign(
    _publicKey: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    const answer = typeof options === 'function' ? options : callback
    const hash = typeof options === 'function' ? undefined : options.hash
    void this.#unlock().then(
      (key) => answer?.(undefined, key.sign(data, hash)),
      (error: unknown) => answer?.(error instanceof Error ? error : new Error(String(error))),
    )
  }
}
