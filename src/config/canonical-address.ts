// One spelling for the addresses that mean one server, so that it cannot be taken for two.
import { isIPv6 } from 'node:net'

/** DNS knows no case (RFC 4343) and no final dot; an IPv6 address can be written in many ways. */
export function canonicalAddress(address: string): string {
  const lower = address.toLowerCase().replace(/\.$/, '')
  return isIPv6(lower) && !lower.includes('%') ? new URL(`http://[${lower}]`).hostname : lower
}
