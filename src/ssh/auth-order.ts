// Which keys are offered, and in which order. Pure. sshd counts every key it is shown and hangs up after MaxAuthTries (6 by
// default, sshd_config(5)), so an agent full of keys must not crowd out the key file that the inventory names.

export interface Offerable {
  /** The public key; undefined when it is not known without a passphrase. */
  readonly blob: Buffer | undefined
}

const MAX_OFFERS = 6

/**
 * OpenSSH's order (sshconnect2.c, pubkey_prepare): agent keys that are named as files too, in the order of the files; the
 * other agent keys; then the files that no agent holds. What does not fit is cut from the other agent keys first.
 */
export function orderOffers<Agent extends Offerable, File extends Offerable>(
  agentKeys: readonly Agent[],
  files: readonly File[],
  limit = MAX_OFFERS,
): { readonly offers: readonly (Agent | File)[]; readonly leftOut: number } {
  const named = files.flatMap((file) => agentKeys.find((key) => isSameKey(key, file)) ?? [])
  const others = agentKeys.filter((key) => !named.includes(key))
  const filesOnly = files.filter((file) => !agentKeys.some((key) => isSameKey(key, file)))
  const room = Math.max(0, limit - named.length - filesOnly.length)
  const offers = [...new Set([...named, ...others.slice(0, room), ...filesOnly])]
  return {
    offers: offers.slice(0, limit),
    leftOut: new Set([...agentKeys, ...filesOnly]).size - Math.min(offers.length, limit),
  }
}

function isSameKey(a: Offerable, b: Offerable): boolean {
  return a.blob !== undefined && b.blob !== undefined && a.blob.equals(b.blob)
}
