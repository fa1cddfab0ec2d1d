// What the command line says, as it comes from commander, and what follows from it without reaching anything. Kept apart from
// context.ts, so that commands that reach no node do not load SSH.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  configWithoutFile,
  loadConfig,
  loadInventory,
  namedSshConfig,
  type FleetConfig,
  type Inventory,
  type ReachOptions,
} from '../config/index.ts'
import { FleetError, type Secret } from '../core/index.ts'
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

/** Options of commands that change nodes, and so take the operator lock. */
export interface ChangingOptions extends NodeOptions {
  /** A duration. */
  readonly lockWait?: string
}

export function outputOf(options: CommonOptions): Output {
  return createOutput({ json: options.json ?? false, color: options.color })
}

/** fleet.yml as --config says; without one, when the command can do without and none was asked for by name, its defaults. */
export function configOf(options: NodeOptions, job: 'required' | 'optional'): FleetConfig {
  const file = resolve(options.config)
  if (job === 'optional' && options.config === DEFAULT_CONFIG && !existsSync(file)) return configWithoutFile(file)
  return loadConfig(file)
}

/** The nodes that there are: those of --hosts, else of the inventory that fleet.yml names. */
export function inventoryOf({ hosts }: NodeOptions, config: FleetConfig): Inventory {
  return loadInventory({ file: config.hosts, ...(hosts === undefined ? {} : { hosts }) })
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
