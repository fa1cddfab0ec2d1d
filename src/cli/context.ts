// What most commands begin with: fleet.yml, the inventory, the nodes that were meant, and the way to reach them.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  configWithoutFile,
  limitNodes,
  loadConfig,
  loadInventory,
  namedSshConfig,
  reachNodes,
  type Access,
  type FleetConfig,
  type ReachableNode,
  type ReachOptions,
  type SshTimeouts,
} from '../config/index.ts'
import { FleetError, systemClock, type Secret } from '../core/index.ts'
import type { FleetNode } from '../fleet/index.ts'
import { createSsh2Transport, type Target, type Timers, type Transport } from '../ssh/index.ts'
import { passphraseSource } from './passphrase.ts'
import { createOutput, type Output } from './output/output.ts'

/** What --config is when nobody says. */
const DEFAULT_CONFIG = 'fleet.yml'

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
  readonly sshConfig?: string
  readonly dryRun?: boolean
  /** What --ask-password, --password-env or --password-fd gave. */
  readonly password?: Secret
}

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

export function outputOf(options: CommonOptions): Output {
  return createOutput({ json: options.json ?? false, color: options.color })
}

export interface ContextNeeds {
  /** `short` for commands that only look, and are sooner repeated than waited for. Default `long`. */
  readonly patience?: 'long' | 'short'
  /** `optional` for commands that make sense on any nodes: without a fleet.yml everything in it has its default. Default `required`. */
  readonly job?: 'required' | 'optional'
}

export function loadContext(options: NodeOptions, needs: ContextNeeds = {}): Context {
  const config = configOf(options, needs.job ?? 'required')
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

/** fleet.yml as --config says; without one, when the command can do without and none was asked for by name, its defaults. */
export function configOf(options: NodeOptions, job: 'required' | 'optional'): FleetConfig {
  const file = resolve(options.config)
  if (job === 'optional' && options.config === DEFAULT_CONFIG && !existsSync(file)) return configWithoutFile(file)
  return loadConfig(file)
}

/** How the command line decides the way to nodes. */
export function reachOptions(options: NodeOptions): ReachOptions {
  return {
    acceptNew: options.acceptNew ?? false,
    ...(options.knownHosts === undefined ? {} : { knownHosts: [resolve(options.knownHosts)] }),
    ...(options.sshConfig === undefined ? {} : { sshConfig: namedSshConfig(options.sshConfig) }),
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
