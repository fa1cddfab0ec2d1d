// How the layers of an inventory become one node: defaults < group < host, and where each value came from.
import { resolve } from 'node:path'
import type { NodeName } from '../core/index.ts'
import type { VariablesYaml } from './inventory-schema.ts'
import type { InventoryNode } from './model.ts'
import type { Operator } from './operator.ts'

/** Variables with the place of each, weakest layer first. */
export interface Layer {
  readonly variables: VariablesYaml & { readonly address?: string | undefined }
  /** For example `group hk (inventory.yml:3:34)`. */
  readonly whereFrom: (key: string) => string
}

export interface Surroundings {
  readonly operator: Operator
  /** Folder that relative identities start from. */
  readonly folder: string
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] }

/** A node from its layers, weakest first. Pure. */
export function nodeFromLayers(
  node: NodeName,
  groups: readonly string[],
  layers: readonly Layer[],
  { operator, folder }: Surroundings,
): InventoryNode {
  const from: Record<string, string> = { address: 'name of the node', pool: 'built in' }
  const env: Record<string, string> = {}
  const built: Mutable<InventoryNode> = {
    node,
    address: node,
    port: undefined,
    user: undefined,
    identities: undefined,
    via: undefined,
    slots: undefined,
    root: undefined,
    env,
    groups,
    pool: true,
    from,
  }
  for (const { variables, whereFrom } of layers) {
    const { address, port, user, identity, via, slots, root, pool } = variables
    const take = <Key extends keyof InventoryNode>(
      key: Key,
      value: InventoryNode[Key] | undefined,
      written: string = key,
    ): void => {
      if (value === undefined) return
      built[key] = value
      from[key] = whereFrom(written)
    }
    take('address', address)
    take('port', port)
    take('user', user)
    take(
      'identities',
      identity === undefined ? undefined : [identity].flat().map((file) => identityPath(file, operator, folder)),
      'identity',
    )
    take('via', via === undefined ? undefined : via === 'none' ? [] : [via].flat())
    take('slots', slots)
    take('root', root)
    take('pool', pool)
    for (const [name, value] of Object.entries(variables.env ?? {})) {
      env[name] = value
      from[`env.${name}`] = whereFrom(`env.${name}`)
    }
  }
  return built
}

function identityPath(written: string, operator: Operator, folder: string): string {
  return written.startsWith('~/') ? resolve(operator.home, written.slice(2)) : resolve(folder, written)
}
