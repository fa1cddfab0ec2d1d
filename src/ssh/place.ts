// How a server is named in every message of this room: by its inventory name, by who and where we tried to reach, and by the way there.
import { hostAndPort } from '../core/index.ts'
import type { Target } from './transport.ts'

/** `node07 (deploy@10.0.0.7:22)`; behind hops `node07 (deploy@10.0.0.7:22, through bastion)`. */
export function placeOf(target: Target): string {
  const hops = hopsOf(target)
  const way = hops.length === 0 ? '' : `, through ${hops.join(' and ')}`
  return `${target.node} (${target.user}@${endpointOf(target)}${way})`
}

/** `10.0.0.7:22`: one SSH server, as far as the dialling side can tell. */
export function endpointOf(target: Pick<Target, 'address' | 'port'>): string {
  return hostAndPort(target.address, target.port)
}

/** The names of the hops, the first one first. */
export function hopsOf({ via }: Pick<Target, 'via'>): readonly string[] {
  return via === undefined ? [] : [...hopsOf(via), via.node]
}

/** One SSH server and the way to it: the same address behind another hop is another server. */
export function wayOf(target: Target): string {
  return target.via === undefined ? endpointOf(target) : `${wayOf(target.via)} > ${endpointOf(target)}`
}
