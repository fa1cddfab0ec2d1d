// From a name to all of its addresses, with a timer: the system's resolver may take half a minute to give up.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { dialError, dnsTimeoutError, noAddressError } from './dial-error.ts'
import { abortedError } from './ssh-error.ts'
import type { Target } from './transport.ts'

/** All addresses of a name, in the order in which they are to be tried. Rejects with a system error (`ENOTFOUND`, ...). */
export type Lookup = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>

export const systemLookup: Lookup = (name) => lookup(name, { all: true, order: 'verbatim' })

/** At least one address, IPv6 and IPv4 by turns, in the resolver's order (RFC 8305 4). An address is its own. Throws FLEET_SSH_DNS. */
export function resolveName(
  target: Target,
  lookUp: Lookup,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  if (isIP(target.address) !== 0) return Promise.resolve([target.address])
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal))
      return
    }
    const stopWaiting = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      stopWaiting()
      reject(abortedError(signal))
    }
    const timer = setTimeout(() => {
      stopWaiting()
      reject(dnsTimeoutError(target, limitMs))
    }, limitMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    lookUp(target.address).then(
      (found) => {
        stopWaiting()
        if (found.length === 0) reject(noAddressError(target))
        else resolve(byTurns(found))
      },
      (error: unknown) => {
        stopWaiting()
        reject(dialError(target, error))
      },
    )
  })
}

/** Pure. Families alternate, beginning with that of the first address. */
function byTurns(found: readonly { readonly address: string; readonly family: number }[]): readonly string[] {
  const first = found.filter(({ family }) => family === found[0]?.family)
  const others = found.filter(({ family }) => family !== found[0]?.family)
  return Array.from({ length: Math.max(first.length, others.length) }, (_, index) => [first[index], others[index]])
    .flat()
    .flatMap((entry) => (entry === undefined ? [] : [entry.address]))
}
