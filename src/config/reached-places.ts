// Two nodes of the fleet that ssh_config makes one place (the same server, account and folder) would seat two workers in one slot.
// What the inventory itself shows of this is found when it is read; this finds the rest.
import { FleetError } from '../core/index.ts'
import { canonicalAddress } from './canonical-address.ts'
import type { Access, ReachableNode } from './model.ts'

/** Throws FLEET_CONFIG_INVALID with one line for each node that is where an earlier one is already. `nodes`: those of the fleet. */
export function refuseSharedPlaces(nodes: readonly ReachableNode[]): void {
  const owners = new Map<string, ReachableNode>()
  const lines: string[] = []
  for (const node of nodes) {
    if (node.refusal !== undefined) continue
    const place = JSON.stringify([...[...node.via, node.access].map(serverOf), node.root])
    const owner = owners.get(place)
    if (owner === undefined) owners.set(place, node)
    else lines.push(problem(node, owner))
  }
  if (lines.length === 0) return
  throw new FleetError('FLEET_CONFIG_INVALID', lines.slice(0, 100).join('\n'), {
    remedy:
      'remove one of them from the inventory, or correct the lines of ssh_config; fleet hosts -v shows where each value came from',
  })
}

function serverOf({ address, port, user }: Access): string {
  return JSON.stringify([canonicalAddress(address), port, user])
}

function problem({ node, access, from }: ReachableNode, owner: ReachableNode): string {
  const account = `${access.user}@${access.address} port ${access.port}`
  const why = [...new Set([from['address'], owner.from['address']])].join(', ')
  return `expected a place of its own for every node, found "${node}" at ${account}, where "${owner.node}" is already (address: ${why})`
}
