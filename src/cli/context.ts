// What most commands begin with: fleet.yml, the inventory, the nodes that were meant, and the way to reach them.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { limitNodes, loadConfig, loadInventory, type FleetConfig, type InventoryNode } from '../config/index.ts'
import { FleetError, systemClock } from '../core/index.ts'
import type { FleetNode } from '../fleet/index.ts'
import { createSsh2Transport, type Transport } from '../ssh/index.ts'
import { askPassphrase } from './passphrase.ts'
import { createOutput, type Output } from './output/output.ts'

/** Options that every command has. */
export interface CommonOptions {
  readonly config: string
  readonly json?: boolean
  readonly color: boolean
  readonly verbose?: boolean
}

/** Options of commands that reach nodes. */
export interface NodeOptions extends CommonOptions {
  readonly hosts?: string
  readonly limit?: string
  readonly parallel?: string
  readonly acceptNew?: boolean
  readonly knownHosts?: string
  readonly dryRun?: boolean
}

export interface Context {
  readonly output: Output
  readonly config: FleetConfig
  readonly nodes: readonly FleetNode[]
  readonly transport: Transport
  /** 1 = serially. */
  readonly parallel: number
}

export function outputOf(options: CommonOptions): Output {
  return createOutput({ json: options.json ?? false, color: options.color })
}

/** `patience`: `short` for commands that only look, and are sooner repeated than waited for. */
export function loadContext(options: NodeOptions, patience: 'long' | 'short' = 'long'): Context {
  const config = loadConfig(resolve(options.config))
  const inventory = loadInventory({
    file: config.hosts,
    ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
  })
  const { nodes: chosen } = limitNodes(inventory, options.limit)
  if (chosen.length === 0) {
    throw new FleetError('FLEET_CLI_NO_NODES', `${inventory.source} names no nodes`, {
      remedy: 'add hosts to it, or name another inventory with --hosts',
    })
  }
  const parallel = parseCount('--parallel', options.parallel) ?? config.ssh.parallel
  return {
    output: outputOf(options),
    config,
    nodes: chosen.map((node) => fleetNode(config, node)),
    transport: createTransport(config, options, patience),
    parallel,
  }
}

/** A whole number from 1, as given on the command line. */
export function parseCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text)
  throw new FleetError(
    'FLEET_CLI_BAD_OPTION',
    `expected ${option} to be a whole number from 1, got ${JSON.stringify(text)}`,
  )
}

const SHORT_TIMERS = { connectMs: 5000, handshakeMs: 10_000, authMs: 10_000 }

function fleetNode(config: FleetConfig, node: InventoryNode): FleetNode {
  const root = node.root ?? config.root
  const agent = process.env['SSH_AUTH_SOCK']
  return {
    node: node.node,
    target: {
      node: node.node,
      address: node.address,
      port: node.port,
      user: node.user,
      identities: node.identities,
      ...(agent === undefined || agent === '' ? {} : { agent }),
      ...(process.stdin.isTTY ? { passphrase: askPassphrase } : {}),
    },
    base: `${root.replace(/\/+$/, '')}/${config.job}`,
    slots: node.slots ?? config.worker.slots,
    env: node.env,
  }
}

function createTransport(config: FleetConfig, options: NodeOptions, patience: 'long' | 'short'): Transport {
  const own = options.knownHosts === undefined ? join(homedir(), '.ssh', 'known_hosts') : resolve(options.knownHosts)
  const files = options.knownHosts === undefined ? [own, '/etc/ssh/ssh_known_hosts'] : [own]
  return createSsh2Transport({
    knownHosts: { files, acceptNew: options.acceptNew ?? false },
    perEndpoint: config.ssh.perEndpoint,
    ...(patience === 'long' ? { retries: config.ssh.retries } : { retries: 0, timers: SHORT_TIMERS }),
    clock: systemClock,
    random: Math.random,
  })
}
