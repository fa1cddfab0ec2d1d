// fleet hosts: what was understood of the inventory and of ssh_config, and where each value came from. Nothing is dialled.
import { existsSync } from 'node:fs'
import { limitNodes, reachNodes, type FleetConfig, type ReachableNode } from '../../config/index.ts'
import { configOf, inventoryOf, outputOf, reachOptions, type NodeOptions } from '../options.ts'
import { ExitCode } from '../exit-code.ts'
import { errorJson, printNodeErrors } from '../output/errors.ts'
import { nodeDetails, placeOf, slotsOf } from '../output/node-details.ts'
import type { Output } from '../output/output.ts'
import { table } from '../output/table.ts'

export async function hosts(options: NodeOptions): Promise<ExitCode> {
  const output = outputOf(options)
  const config = configOf(options, 'optional')
  const inventory = inventoryOf(options, config)
  // Without a pattern also those that are no part of the fleet: they are in the file, and may be hops.
  const chosen = options.limit === undefined ? inventory : limitNodes(inventory, options.limit)
  const job = existsSync(config.file) ? `${options.config} or its default` : 'built in'
  const nodes = reachNodes(chosen.nodes, inventory, reachOptions(options)).map((node) => ({
    ...node,
    from: { slots: job, root: job, ...node.from },
  }))
  if (options.verbose === true) for (const line of nodeDetails(nodes, config, output.style)) output.result(line)
  else for (const line of overview(nodes, config)) output.result(line)
  if (!output.isJson) printNotes(output, inventory.notes, nodes.flatMap(notesOf), options.verbose === true)
  printNodeErrors(
    output,
    nodes.flatMap(({ node, refusal }) => (refusal === undefined ? [] : [{ node, ok: false, error: refusal }])),
  )
  output.json({
    schema: 'fleet.hosts/1',
    source: inventory.source,
    notes: inventory.notes,
    nodes: nodes.map((node) => nodeJson(node, config)),
  })
  return ExitCode.ok
}

/** What ssh_config asks for in vain is told in full with -v only: much of it stands in every system's default file. */
function printNotes(
  output: Output,
  ofInventory: readonly string[],
  ofSshConfig: readonly string[],
  isVerbose: boolean,
): void {
  const asked = new Set(ofSshConfig)
  for (const note of [...ofInventory, ...(isVerbose ? asked : [])]) output.note(`note ${note}`)
  if (!isVerbose && asked.size > 0)
    output.note(
      `note ssh_config asks for ${asked.size === 1 ? 'something' : `${asked.size} things`} that fleet cannot do: fleet hosts -v tells what`,
    )
}

function overview(nodes: readonly ReachableNode[], config: FleetConfig): string[] {
  const hasHops = nodes.some(({ via }) => via.length > 0)
  const rows = nodes.map((node) => [
    node.node,
    placeOf(node.access),
    ...(hasHops ? [wayOf(node)] : []),
    slotsOf(node, config),
    node.groups.join(','),
  ])
  const columns = [
    { title: 'NODE' },
    { title: 'ADDRESS' },
    ...(hasHops ? [{ title: 'VIA' }] : []),
    { title: 'SLOTS', align: 'right' as const },
    { title: 'GROUPS' },
  ]
  return table(columns, rows)
}

function wayOf({ via }: ReachableNode): string {
  return via.map((hop) => hop.name).join(' ')
}

function notesOf({ access, via }: ReachableNode): readonly string[] {
  return [...new Set([...access.notes, ...via.flatMap((hop) => hop.notes)])]
}

function nodeJson(node: ReachableNode, config: FleetConfig): object {
  const { access, via, refusal } = node
  return {
    node: node.node,
    address: access.address,
    port: access.port,
    user: access.user,
    via: via.map((hop) => hop.name),
    slots: node.slots ?? config.worker.slots,
    groups: node.groups,
    pool: node.pool,
    root: node.root ?? config.root,
    env: node.env,
    identities: access.identities,
    identities_only: access.identitiesOnly,
    agent: access.agent ?? null,
    known_hosts: access.knownHosts,
    host_key_alias: access.hostKeyAlias ?? null,
    accept_new: access.acceptNew,
    connect_timeout_ms: access.connectTimeoutMs ?? null,
    hops: via.map(({ name, address, port, user }) => ({ name, address, port, user })),
    notes: notesOf(node),
    from: Object.fromEntries(Object.entries(node.from).map(([key, place]) => [jsonKey(key), place])),
    ...(refusal === undefined ? {} : { error: errorJson(refusal) }),
  }
}

/** `from` has the keys of the values beside it; names of variables (`env.NAME`) are the operator's. */
function jsonKey(key: string): string {
  return key.includes('.') ? key : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
