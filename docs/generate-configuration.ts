// Writes docs/configuration.md from the schemas that refuse and fill in what operators write, so that the reference cannot
// say anything else: a key's type is the very sentence by which a wrong value is refused. Run by `npm run docs`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { fleetSchema, inventorySchema } from '../src/config/index.ts'

/** The part of JSON Schema that is read here, with what a value is expected to be. */
interface Shape {
  readonly description?: string
  readonly default?: unknown
  readonly expected?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly additionalProperties?: Shape | boolean
  readonly anyOf?: readonly Shape[]
}

export function configurationReference(): string {
  const fleet = shapeOf(fleetSchema)
  const inventory = shapeOf(inventorySchema)
  const layers = {
    defaults: inventory.properties?.['defaults'],
    group: entryOf(inventory, 'groups'),
    host: entryOf(inventory, 'hosts'),
  }
  const shared = layers.defaults?.properties ?? {}
  return `# Configuration

<!-- Written by npm run docs from src/config; edit the descriptions there. -->

\`fleet init\` writes both files, commented. Unknown keys, wrong types and impossible values are refused with file, line and column; nothing
is guessed. Durations are written \`30s\`, \`5m\`, \`1h30m\` or \`250ms\`. \`fleet hosts -v\` shows what was understood of an inventory.

## fleet.yml

${table(rowsOf(fleet, ''))}

## Inventory

${table(rowsOf({ properties: ownKeys(inventory) }, ''))}

### Variables

They may stand under \`defaults\`, in a group and in a host; a host wins over its groups, of two groups the later one wins, and these win over \`defaults\`.

${table(rowsOf({ properties: shared }, ''))}

### Besides, in a group

${table(rowsOf(without(layers.group, shared), 'groups.NAME.'))}

### Besides, in a host

${table(rowsOf(without(layers.host, shared), 'hosts.NAME.'))}
`
}

function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // JSON Schema has no word for a duration from 1s to 7d, but the refusal of anything else has.
    override: ({ zodSchema, jsonSchema }) => {
      const refused = z.core.safeParse(zodSchema, Symbol('no value'))
      jsonSchema['expected'] = refused.error?.issues[0]?.message
    },
  }) as Shape
}

/** What stands under a name of the reader's choice, for example a host; it may also be empty. */
function entryOf(shape: Shape, key: string): Shape | undefined {
  const entry = shape.properties?.[key]?.additionalProperties
  if (typeof entry !== 'object') return undefined
  return entry.anyOf?.find((option) => option.properties !== undefined) ?? entry
}

function ownKeys(shape: Shape): Readonly<Record<string, Shape>> {
  const entries = Object.entries(shape.properties ?? {})
  return Object.fromEntries(entries.map(([key, shape]) => [key, { ...shape, properties: {} }]))
}

function without(shape: Shape | undefined, known: Readonly<Record<string, Shape>>): Shape {
  const own = Object.entries(shape?.properties ?? {}).filter(([key]) => !(key in known))
  return { properties: Object.fromEntries(own) }
}

function rowsOf(shape: Shape, prefix: string): string[][] {
  return Object.entries(shape.properties ?? {}).flatMap(([key, child]) => {
    const row = [
      `\`${prefix}${key}\``,
      child.expected ?? '',
      defaultOf(child, shape.required?.includes(key) === true),
      child.description ?? '',
    ]
    return [row, ...rowsOf(child, `${prefix}${key}.`)]
  })
}

function defaultOf(shape: Shape, isRequired: boolean): string {
  if (shape.default === undefined) return isRequired ? 'required' : '-'
  // The default of a mapping is what its keys say.
  return shape.properties === undefined ? `\`${JSON.stringify(shape.default)}\`` : '-'
}

function table(rows: readonly (readonly string[])[]): string {
  return [['key', 'value', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'configuration.md'), configurationReference())
