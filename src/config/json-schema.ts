// The JSON Schemas of fleet.yml and of inventories, for editors. Made from the schemas that validate, so that an editor
// marks what fleet would refuse (as far as JSON Schema has words for it) and completes the keys that fleet knows.
import { z } from 'zod'
import { fleetSchema } from './fleet-schema.ts'
import { inventorySchema } from './inventory-schema.ts'

const SCHEMAS = {
  fleet: { schema: fleetSchema, title: 'fleet.yml: one job of fleet' },
  inventory: { schema: inventorySchema, title: 'An inventory of fleet' },
} as const

export type SchemaName = keyof typeof SCHEMAS

export const SCHEMA_NAMES = Object.keys(SCHEMAS) as readonly SchemaName[]

/** JSON Schema draft 7, the newest that the YAML language server of the editors fully understands. Describes what may be written, before defaults. */
export function jsonSchema(name: SchemaName): object {
  const { schema, title } = SCHEMAS[name]
  return { title, ...z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) }
}
