// An operator without a job: a folder with fleet.yml and inventory.yml, a home of his own, and the command line. What the
// person who runs the tests has in ~/.ssh or in an agent plays no part.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runFleet, type FleetResult } from './fleet-command.ts'

export interface OperatorOptions {
  /** The text of inventory.yml. */
  readonly inventory: string
  /** Unless `ssh_config` is to decide. */
  readonly knownHostsFile?: string
  /** What stands under `ssh:` in fleet.yml. */
  readonly ssh?: Readonly<Record<string, unknown>>
  /** The files of the release, absolute. */
  readonly release?: readonly string[]
  /** The text of ~/.ssh/config. */
  readonly sshConfig?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Operator extends AsyncDisposable {
  readonly folder: string
  /** A non-zero exit is a result. */
  fleet(verb: string, ...rest: readonly string[]): Promise<FleetResult>
}

/** One node of a document that a command over many nodes prints with --json. */
export interface NodeRecord {
  readonly node: string
  readonly ok: boolean
  readonly error?: { readonly code: string; readonly message: string; readonly remedy?: string }
  readonly [field: string]: unknown
}

export async function createOperator(options: OperatorOptions): Promise<Operator> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-operator-'))
  await writeFile(join(folder, 'inventory.yml'), options.inventory)
  const fleetYml = {
    job: 'lab',
    worker: { command: ['./work'] },
    ssh: options.ssh ?? {},
    release: { files: options.release ?? [] },
  }
  // JSON is YAML.
  await writeFile(join(folder, 'fleet.yml'), JSON.stringify(fleetYml))
  await mkdir(join(folder, '.ssh'), { mode: 0o700 })
  await writeFile(join(folder, '.ssh/config'), options.sshConfig ?? '', { mode: 0o600 })
  const nodeOptions = options.knownHostsFile === undefined ? [] : ['--known-hosts', options.knownHostsFile]
  const env = { HOME: folder, SSH_AUTH_SOCK: undefined, ...options.env }
  return {
    folder,
    // What follows the verb must come before the words of a command for the nodes.
    fleet: (verb, ...rest) => runFleet(folder, [verb, ...nodeOptions, ...rest], env),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** The nodes of a document that was printed with --json, in its order. Throws with all that was printed when it is none. */
export function nodesOf(result: FleetResult): readonly NodeRecord[] {
  try {
    return (JSON.parse(result.stdout) as { nodes: NodeRecord[] }).nodes
  } catch (error) {
    throw new Error(
      `expected one JSON document, got: ${result.stdout}
${result.stderr}`,
      { cause: error },
    )
  }
}

/** `node01: ok` or `node01: FLEET_SSH_REFUSED`, one for each node. */
export function outcomesOf(result: FleetResult): readonly string[] {
  return nodesOf(result).map(({ node, ok, error }) => `${node}: ${ok ? 'ok' : (error?.code ?? 'failed')}`)
}
