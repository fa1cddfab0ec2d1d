// What fleet.yml and an inventory mean, once they have been read and checked. Frozen values; every default has been applied.
import type { JobName, NodeName } from '../core/index.ts'

export type WorkerKind = 'exec' | 'native' | 'copy'
/** What brings supervisors back after a crash or reboot. `auto`: cron where it works, else none with a warning. */
export type KeeperChoice = 'auto' | 'cron' | 'none'

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

export interface FleetConfig {
  /** Absolute path of the fleet.yml, and of the folder that relative paths in it start from. */
  readonly file: string
  readonly folder: string
  readonly job: JobName
  /** Absolute path of the inventory file. */
  readonly hosts: string
  /** On the nodes; `~/` means the home of the user there. */
  readonly root: string
  readonly release: { readonly files: readonly string[]; readonly keep: number }
  readonly worker: WorkerConfig
  readonly dispatcher: DispatcherConfig
  readonly ssh: { readonly parallel: number; readonly perEndpoint: number; readonly retries: number }
  readonly window: { readonly deadline: string | undefined }
}

export interface InventoryNode {
  readonly node: NodeName
  readonly address: string
  readonly port: number
  readonly user: string
  readonly identities: readonly string[]
  /** Undefined: fleet.yml's `worker.slots` decides. */
  readonly slots: number | undefined
  readonly root: string | undefined
  readonly env: Readonly<Record<string, string>>
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
}
