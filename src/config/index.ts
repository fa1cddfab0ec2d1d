// fleet.yml and inventories, as validated, frozen values.
export { fleetSchema } from './fleet-schema.ts'
export { foldNodes } from './fold-nodes.ts'
export { inventorySchema } from './inventory-schema.ts'
export { limitNodes } from './limit-nodes.ts'
export { parseListen } from './fields.ts'
export { loadConfig, type ConfigOverrides } from './load-config.ts'
export { loadInventory, type InventoryRequest } from './load-inventory.ts'
export type {
  DispatcherConfig,
  FleetConfig,
  Inventory,
  InventoryNode,
  KeeperChoice,
  WorkerConfig,
  WorkerKind,
} from './model.ts'
export { expandRange, MAX_NAMES } from './name-range.ts'
export type { Operator } from './operator.ts'
export { fleetYmlTemplate, inventoryYmlTemplate } from './template.ts'
