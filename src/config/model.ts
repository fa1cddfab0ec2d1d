// What fleet.yml and an inventory mean, once they have been read and checked. Frozen values; every default has been applied.
import type { FleetError, JobName, NodeName } from '../core/index.ts'

export type WorkerKind = 'exec' | 'native' | 'copy'
/** What brings supervisors back after a crash or reboot. `auto`: cron where it works, else none with a warning. */
export type KeeperChoice = 'auto' | 'cron' | 'none'

export interface ReleaseConfig {
  readonly files: readonly string[]
  /** Releases that stay on each node, from 1. */
  readonly keep: number
  /** argv, at least one item; undefined: nothing is checked. */
  readonly check: readonly string[] | undefined
  readonly checkTimeoutMs: number
  /** What workers need beside their own files. */
  readonly runtime: 'node' | undefined
}

export interface WorkerConfig {
  readonly kind: WorkerKind
  /** argv; `{id}`, `{slot}` and `{node}` are replaced on the node. At least one item. */
  readonly command: readonly string[]
  /** 1 to 9999 per node. */
  readonly slots: number
  readonly env: Readonly<Record<string, string>>
  /** Names of variables in the operator's environment. */
  readonly secrets: readonly string[]
  readonly graceMs: number
  /** 0: none. */
  readonly timeoutMs: number
  readonly keeper: KeeperChoice
}

export interface DispatcherConfig {
  /** `control`, or the name of a node. */
  readonly at: string
  readonly listen: { readonly address: string; readonly port: number }
  /** How nodes reach it; undefined: derived from where it listens. */
  readonly url: string | undefined
  /** Absolute path of the SQLite file. */
  readonly ledger: string
  readonly leaseMs: number
  readonly failures: number
  readonly crashes: number
  readonly backoffMs: readonly [number, number]
}

export interface SshConfig {
  /** Nodes that are worked on at once. */
  readonly parallel: number
  readonly perEndpoint: number
  readonly retries: number
  readonly timeouts: SshTimeouts
}

/** Milliseconds, by phase of a connection. */
export interface SshTimeouts {
  readonly dnsMs: number
  readonly connectMs: number
  readonly bannerMs: number
  readonly keyExchangeMs: number
  readonly authenticationMs: number
  /** For a channel to open. */
  readonly channelMs: number
  /** No byte in either direction while a command runs. */
  readonly idleMs: number
}

export interface FleetConfig {
  /** Absolute path of the fleet.yml, and of the folder that relative paths in it start from. */
  readonly file: string
  readonly folder: string
  readonly job: JobName
  /** Absolute path of the inventory file. */
  readonly hosts: string
  /** On the nodes; `~/` means the home of the user there. */
  readonly root: string
  readonly release: ReleaseConfig
  readonly worker: WorkerConfig
  readonly dispatcher: DispatcherConfig
  readonly ssh: SshConfig
  readonly window: { readonly deadline: string | undefined }
}

/** A node as its inventory describes it. What the inventory leaves open is undefined; ssh_config and the built-in defaults decide it in `reachNodes`. */
export interface InventoryNode {
  readonly node: NodeName
  /** A host name, an IP address, or an alias of ssh_config; the name of the node when the inventory says nothing. */
  readonly address: string
  readonly port: number | undefined
  readonly user: string | undefined
  /** Absolute paths. */
  readonly identities: readonly string[] | undefined
  /** The hops, the first one first: nodes of this inventory, or `[user@]host[:port]`. Empty: reached directly, whatever ssh_config says. */
  readonly via: readonly string[] | undefined
  /** Undefined: fleet.yml's `worker.slots` decides. */
  readonly slots: number | undefined
  readonly root: string | undefined
  readonly env: Readonly<Record<string, string>>
  /** All of them, also those that it is in by way of a nested group. */
  readonly groups: readonly string[]
  /** False: reachable, but not part of the fleet. */
  readonly pool: boolean
  /** Where each value came from, for `fleet hosts`: for example `{ port: 'defaults (inventory.yml:1:24)' }`. */
  readonly from: Readonly<Record<string, string>>
}

export interface Inventory {
  /** The file, or `--hosts` when the nodes were named on the command line. */
  readonly source: string
  readonly nodes: readonly InventoryNode[]
  /** All groups, also those without nodes. */
  readonly groups: readonly string[]
  /** What was understood and cannot be honoured, one sentence each with its place; for `fleet hosts` and `fleet check`. */
  readonly notes: readonly string[]
}

/** One SSH server and the way in, every question answered: a node, or a hop on the way to one. */
export interface Access {
  /** How messages call it: the node, or the hop as it was written. */
  readonly name: NodeName
  readonly address: string
  readonly port: number
  readonly user: string
  /** Private key files to offer, absolute paths. */
  readonly identities: readonly string[]
  /** True: of the agent's keys, only those that `identities` names. */
  readonly identitiesOnly: boolean
  /** Path of the agent's socket; undefined: no agent. */
  readonly agent: string | undefined
  /** Absolute paths, all are read; new keys go to the first. */
  readonly knownHosts: readonly string[]
  /** The name under which its host key is looked up and recorded, instead of its address. */
  readonly hostKeyAlias: string | undefined
  /** Record the key of a server that has none yet. */
  readonly acceptNew: boolean
  /** For the TCP connection; undefined: the transport's own. */
  readonly connectTimeoutMs: number | undefined
  /** What ssh_config asks for and fleet cannot do, one sentence each with its place. */
  readonly notes: readonly string[]
}

export interface ReachableNode extends Pick<
  InventoryNode,
  'node' | 'slots' | 'root' | 'env' | 'groups' | 'pool' | 'from'
> {
  readonly access: Access
  /** The hops, the first one first. */
  readonly via: readonly Access[]
  /** Why it cannot be reached as it was asked for (a ProxyCommand, say); whoever connects must throw it. */
  readonly refusal: FleetError | undefined
}
