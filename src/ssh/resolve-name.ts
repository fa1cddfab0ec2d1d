// From a name to all of its addresses, with a timer: the system's resolver may take half a minute to give up.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { dialError, dnsTimeoutError, noAddressError } from './dial-error.ts'
import { orAborted } from './pause.ts'
import { abortedError } from './ssh-error.ts'
import type { Target } from './transport.ts'

/** All addresses of a name, in the order in which they are to be tried. Rejects with a system error (`ENOTFOUND`, ...). */
export type Lookup = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>

export const systemLookup: Lookup = (name) => lookup(name, { all: true, order: 'verbatim' })

/** At least one address, IPv6 and IPv4 by turns, in the resolver's order (RFC 8305 4). An address is its own. Throws FLEET_SSH_DNS. */
export async function resolveName(
  target: Target,
  lookUp: Lookup,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  if (isIP(target.address) !== 0) return [target.address]
  if (signal?.aborted === true) throw abortedError(signal)
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(dnsTimeoutError(target, limitMs))
  }, limitMs)
  const lookedUp = lookUp(target.address).catch((error: unknown) => {
    throw dialError(target, error)
  })
  try {
    const found = await orAborted(Promise.race([lookedUp, late.promise]), signal)
    if (found.length === 0) throw noAddressError(target)
    return byTurns(found)
  } finally {
    clearTimeout(timer)
  }
}

/** Pure. Families alternate, beginning with that of the first address. */
function byTurns(found: readonly { readonly address: string; readonly family: number }[]): readonly string[] {
  const first = found.filter(({ family }) => family === found[0]?.family)
  const others = found.filter(({ family }) => family !== found[0]?.family)
  return Array.from({ length: Math.max(first.length, others.length) }, (_, index) => [first[index], others[index]])
    .flat()
    .flatMap((entry) => (entry === undefined ? [] : [entry.address]))
}
