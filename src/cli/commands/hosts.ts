// fleet hosts: what was understood of the inventory, and where each value came from.
import { resolve } from 'node:path'
import { limitNodes, loadConfig, loadInventory } from '../../config/index.ts'
import { outputOf, type NodeOptions } from '../context.ts'
import type { ExitCode } from '../exit-code.ts'
import { table } from '../output/table.ts'

export async function hosts(options: NodeOptions): Promise<ExitCode> {
  const output = outputOf(options)
  const config = loadConfig(resolve(options.config))
  const inventory = loadInventory({
    file: config.hosts,
    ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
  })
  const { nodes } = options.limit === undefined ? inventory : limitNodes(inventory, options.limit)
  const rows = nodes.map((node) => [
    node.node,
    `${node.user}@${node.address}:${node.port}`,
    node.pool ? String(node.slots ?? config.worker.slots) : 'not in the fleet',
    node.groups.join(','),
    options.verbose === true
      ? Object.entries(node.from)
          .map(([name, where]) => `${name}: ${where}`)
          .join('; ')
      : '',
  ])
  const columns = [
    { title: 'NODE' },
    { title: 'ADDRESS' },
    { title: 'SLOTS' },
    { title: 'GROUPS' },
    ...(options.verbose === true ? [{ title: 'FROM' }] : []),
  ]
  for (const line of table(columns, rows)) output.result(line)
  output.json({
    schema: 'fleet.hosts/1',
    nodes: nodes.map(({ node, address, port, user, slots, groups, pool, from }) => ({
      node,
      address,
      port,
      user,
      via: [],
      slots: slots ?? config.worker.slots,
      groups,
      pool,
      from,
    })),
  })
  return 0
}
