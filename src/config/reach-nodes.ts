// From nodes as an inventory describes them to nodes that can be dialled: the inventory first, then ssh_config, then what is built in.
import { createAccessDesk, type Way } from './access-desk.ts'
import { refuseSharedPlaces } from './reached-places.ts'
import type { Inventory, InventoryNode, ReachableNode } from './model.ts'
import { currentOperator, type Operator } from './operator.ts'
import type { SshConfigFile } from './ssh-config/read-files.ts'
import { openSshConfig, usualSshConfig } from './ssh-config/ssh-config.ts'

export interface ReachOptions {
  /** Default: whoever runs the process. */
  readonly operator?: Operator
  /** `--known-hosts`: instead of the files that ssh_config names. */
  readonly knownHosts?: readonly string[]
  /** `--accept-new`: for all nodes and hops, whatever ssh_config says. */
  readonly acceptNew?: boolean
  /** `--ssh-config`: instead of ~/.ssh/config and /etc/ssh/ssh_config. An empty list: none is read. */
  readonly sshConfig?: readonly SshConfigFile[]
}

/**
 * `nodes` in their order, each with its way in. `inventory` is the whole one, because a hop need not be among `nodes`. The files of ssh_config
 * are read once. A node that cannot be reached as it was asked for has a `refusal`. Throws FLEET_CONFIG_INVALID when two nodes of the fleet
 * turn out to be one place, and what reading ssh_config throws (FLEET_CONFIG_INVALID, _UNREADABLE, _SSH_PERMISSIONS, _NOT_FOUND).
 */
export function reachNodes(
  nodes: readonly InventoryNode[],
  inventory: Inventory,
  options: ReachOptions = {},
): readonly ReachableNode[] {
  const operator = options.operator ?? currentOperator()
  const book = openSshConfig(options.sshConfig ?? usualSshConfig(operator), operator)
  const desk = createAccessDesk(inventory.nodes, book, { ...options, operator })
  const reached = new Map<InventoryNode, ReachableNode>()
  const reach = (node: InventoryNode): ReachableNode => {
    const known = reached.get(node) ?? reachable(node, desk.wayTo(node))
    reached.set(node, known)
    return known
  }
  refuseSharedPlaces(inventory.nodes.filter(({ pool }) => pool).map(reach))
  return nodes.map(reach)
}

function reachable(node: InventoryNode, { access, via, from, refusal }: Way): ReachableNode {
  const { slots, root, env, groups, pool } = node
  return { node: node.node, slots, root, env, groups, pool, from: { ...node.from, ...from }, access, via, refusal }
}
