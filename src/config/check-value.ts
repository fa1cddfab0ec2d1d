// From zod's issues to our problems. In the schemas of this room the message of an issue is only what was expected; the
// place and what was found are added here, so that every refusal in the product reads the same.
import { z } from 'zod'
import { nearestNames } from './nearest.ts'
import { describeFound, quoted, type Problem } from './problem.ts'
import type { YamlFile } from './yaml-file.ts'

export type Checked<Value> =
  | { readonly value: Value; readonly problems: readonly [] }
  | { readonly value: undefined; readonly problems: readonly Problem[] }

/** The file's value with all defaults of the schema, or every problem that it has. */
export function checkValue<Schema extends z.ZodType>(schema: Schema, yaml: YamlFile): Checked<z.output<Schema>> {
  const result = schema.safeParse(yaml.value)
  if (result.success && yaml.problems.length === 0) return { value: result.data, problems: [] }
  const issues = result.success ? [] : problemsOf(result.error.issues, schema, yaml)
  return { value: undefined, problems: [...yaml.problems, ...issues] }
}

function problemsOf(issues: readonly z.core.$ZodIssue[], schema: z.ZodType, yaml: YamlFile): readonly Problem[] {
  const problems: Problem[] = []
  const reported = new Set<string>()
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, issue.path)
      for (const key of issue.keys) {
        // Refused with its own words where the file was read.
        if (key === '__proto__') continue
        problems.push({ file: yaml.file, ...yaml.placeOfKey([...issue.path, key]), message: unknownKey(key, known) })
      }
      continue
    }
    const path = issue.path.map(String).join('\0')
    // One value, one problem: a text that fails both its pattern and its range says the same twice.
    if (reported.has(path)) continue
    reported.add(path)
    problems.push({ file: yaml.file, ...placeOf(issue, yaml), message: refusal(issue, yaml.value) })
  }
  return problems
}

function placeOf(issue: z.core.$ZodIssue, yaml: YamlFile): { readonly line: number; readonly column: number } {
  return issue.code === 'invalid_key' ? yaml.placeOfKey(issue.path) : yaml.placeOf(issue.path)
}

function refusal(issue: z.core.$ZodIssue, root: unknown): string {
  const key = String(issue.path.at(-1) ?? '')
  if (issue.code === 'invalid_key')
    return `expected ${issue.issues[0]?.message ?? issue.message}, found the key ${quoted(key)}`
  const found = valueAt(root, issue.path)
  if (found === undefined && issue.path.length > 0)
    return `expected ${quoted(key)} with ${issue.message}, found nothing`
  return `expected ${issue.message}, found ${describeFound(found)}`
}

function unknownKey(key: string, known: readonly string[]): string {
  const [nearest] = nearestNames(key, known, 1)
  const hint = nearest === undefined ? '' : `; did you mean ${quoted(nearest)}?`
  return `expected one of ${known.join(', ')}, found the unknown key ${quoted(key)}${hint}`
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root
  for (const segment of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.getOwnPropertyDescriptor(value, segment)?.value
  }
  return value
}

/** The keys that the schema's object at `path` knows; found by walking the schema, so that no second list can go stale. */
function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const current = path.reduce(childOf, schema)
  const bare = withoutWrappers(current)
  return bare instanceof z.ZodObject ? Object.keys(bare.shape) : []
}

function childOf(schema: z.core.$ZodType, segment: PropertyKey): z.core.$ZodType {
  const bare = withoutWrappers(schema)
  if (bare instanceof z.ZodObject) {
    const shape: Readonly<Record<string, z.core.$ZodType>> = bare.shape
    return shape[String(segment)] ?? z.never()
  }
  if (bare instanceof z.ZodRecord) return bare.valueType
  return bare instanceof z.ZodArray ? bare.element : z.never()
}

function withoutWrappers(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  return isWrapper ? withoutWrappers(schema.unwrap()) : schema
}
