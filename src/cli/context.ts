// What most commands begin with: fleet.yml, the inventory, the nodes that were meant, and the way to reach them.
import {
  limitNodes,
  reachNodes,
  type Access,
  type FleetConfig,
  type ReachableNode,
  type SshTimeouts,
} from '../config/index.ts'
import { FleetError, systemClock } from '../core/index.ts'
import type { FleetNode } from '../fleet/index.ts'
import { createSsh2Transport, type Target, type Timers, type Transport } from '../ssh/index.ts'
import { configOf, inventoryOf, outputOf, parseCount, reachOptions, type NodeOptions } from './options.ts'
import type { Output } from './output/output.ts'
import { passphraseSource } from './passphrase.ts'

export interface Context {
  readonly output: Output
  readonly config: FleetConfig
  readonly nodes: readonly FleetNode[]
  /** What the inventory holds that cannot be honoured. */
  readonly notes: readonly string[]
  readonly transport: Transport
  /** 1 = serially. */
  readonly parallel: number
}

export interface ContextNeeds {
  /** `short` for commands that only look, and are sooner repeated than waited for. Default `long`. */
  readonly patience?: 'long' | 'short'
  /** `optional` for commands that make sense on any nodes: without a fleet.yml everything in it has its default. Default `required`. */
  readonly job?: 'required' | 'optional'
}

export function loadContext(options: NodeOptions, needs: ContextNeeds = {}): Context {
  const config = configOf(options, needs.job ?? 'required')
  const inventory = inventoryOf(options, config)
  const { nodes: chosen } = limitNodes(inventory, options.limit)
  if (chosen.length === 0) {
    throw new FleetError('FLEET_CLI_NO_NODES', `${inventory.source} names no nodes`, {
      remedy: 'add hosts to it, or name another inventory with --hosts',
    })
  }
  const secrets = secretsOf(options)
  return {
    output: outputOf(options),
    config,
    nodes: reachNodes(chosen, inventory, reachOptions(options)).map((node) => fleetNode(config, secrets, node)),
    notes: inventory.notes,
    transport: createTransport(config, needs.patience ?? 'long'),
    parallel: parseCount('--parallel', options.parallel) ?? config.ssh.parallel,
  }
}

/** The most that each phase may take for commands that only look. */
const SHORT = {
  dnsMs: 5000,
  connectMs: 5000,
  bannerMs: 10_000,
  keyExchangeMs: 10_000,
  authMs: 10_000,
  channelMs: 10_000,
}

function fleetNode(config: FleetConfig, secrets: Secrets, node: ReachableNode): FleetNode {
  const root = node.root ?? config.root
  const target = targetOf(node.access, node.via, secrets)
  return {
    node: node.node,
    target,
    ...(node.refusal === undefined ? {} : { refusal: node.refusal }),
    base: `${root.replace(/\/+$/, '')}/${config.job}`,
    slots: node.slots ?? config.worker.slots,
    env: node.env,
  }
}

/** How a person's secrets are had, the same for nodes and hops. */
type Secrets = Pick<Target, 'password' | 'passphrase'>

function secretsOf({ password }: NodeOptions): Secrets {
  const passphrase = passphraseSource()
  return {
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
  }
}

function targetOf(access: Access, via: readonly Access[], secrets: Secrets): Target {
  const hop = via.at(-1)
  return {
    node: access.name,
    address: access.address,
    port: access.port,
    user: access.user,
    identities: access.identities,
    identitiesOnly: access.identitiesOnly,
    hostKeys: {
      files: access.knownHosts,
      acceptNew: access.acceptNew,
      ...(access.hostKeyAlias === undefined ? {} : { alias: access.hostKeyAlias }),
    },
    notes: access.notes,
    ...(hop === undefined ? {} : { via: targetOf(hop, via.slice(0, -1), secrets) }),
    ...(access.agent === undefined ? {} : { agent: access.agent }),
    ...(access.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: access.connectTimeoutMs }),
    ...secrets,
  }
}

function createTransport(config: FleetConfig, patience: 'long' | 'short'): Transport {
  return createSsh2Transport({
    knownHosts: { files: [], acceptNew: false },
    perEndpoint: config.ssh.perEndpoint,
    retries: patience === 'long' ? config.ssh.retries : 0,
    timers: timersOf(config.ssh.timeouts, patience),
    clock: systemClock,
    random: Math.random,
  })
}

function timersOf({ authenticationMs, ...timeouts }: SshTimeouts, patience: 'long' | 'short'): Partial<Timers> {
  // Four keepalives without an answer and a silent connection counts as lost: as long as a silent command may take.
  const timers = { ...timeouts, authMs: authenticationMs, keepaliveMs: Math.min(15_000, timeouts.idleMs / 4) }
  if (patience === 'long') return timers
  return {
    ...timers,
    dnsMs: Math.min(timers.dnsMs, SHORT.dnsMs),
    connectMs: Math.min(timers.connectMs, SHORT.connectMs),
    bannerMs: Math.min(timers.bannerMs, SHORT.bannerMs),
    keyExchangeMs: Math.min(timers.keyExchangeMs, SHORT.keyExchangeMs),
    authMs: Math.min(timers.authMs, SHORT.authMs),
    channelMs: Math.min(timers.channelMs, SHORT.channelMs),
  }
}
