// fleet.yml and inventories, as validated, frozen values.
export { fleetSchema } from './fleet-schema.ts'
export { foldNodes } from './fold-nodes.ts'
export { inventorySchema } from './inventory-schema.ts'
export { jsonSchema, SCHEMA_NAMES, type SchemaName } from './json-schema.ts'
export { limitNodes } from './limit-nodes.ts'
export { parseListen } from './fields.ts'
export { configWithoutFile, loadConfig, type ConfigOverrides } from './load-config.ts'
export { loadInventory, type InventoryRequest } from './load-inventory.ts'
export { reachNodes, type ReachOptions } from './reach-nodes.ts'
export { namedSshConfig } from './ssh-config/ssh-config.ts'
export type {
  Access,
  DispatcherConfig,
  FleetConfig,
  Inventory,
  InventoryNode,
  KeeperChoice,
  ReachableNode,
  SshTimeouts,
  WorkerConfig,
  WorkerKind,
} from './model.ts'
export { expandRange, MAX_NAMES } from './name-range.ts'
export type { Operator } from './operator.ts'
export { fleetYmlTemplate, inventoryYmlTemplate } from './template.ts'
