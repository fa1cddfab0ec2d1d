// How a node is named in every message of this room: by its inventory name, and by who and where we tried to reach.
import type { Target } from './transport.ts'

/** `node07 (deploy@10.0.0.7:22)`. */
export function placeOf(target: Target): string {
  return `${target.node} (${target.user}@${endpointOf(target)})`
}

/** `10.0.0.7:22`, with brackets around an IPv6 address: one SSH server, as far as the dialling side can tell. */
export function endpointOf(target: Pick<Target, 'address' | 'port'>): string {
  return target.address.includes(':') ? `[${target.address}]:${target.port}` : `${target.address}:${target.port}`
}
