// The schemas for editors are read back and have to agree with the product about what may be written.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { fleetYmlTemplate, inventoryYmlTemplate, jsonSchema, type SchemaName } from '../../src/config/index.ts'
import { parseJobName } from '../../src/core/index.ts'

const SAMPLES = join(import.meta.dirname, '../../inventory')

function accepts(name: SchemaName, text: string): boolean {
  // The schema as an editor would read it from the file: plain JSON.
  const schema = JSON.parse(JSON.stringify(jsonSchema(name))) as Parameters<typeof z.fromJSONSchema>[0]
  return z.fromJSONSchema(schema).safeParse(parse(text)).success
}

describe('the JSON Schemas', () => {
  it('accept what fleet init writes', () => {
    expect(accepts('fleet', fleetYmlTemplate(parseJobName('photos')))).toBe(true)
    expect(accepts('inventory', inventoryYmlTemplate())).toBe(true)
  })

  it.each(['small.yml', 'two-sites.yml', 'layers.yml', 'ranges.yml', 'jump-host.yml'])('accept %s', (file) => {
    expect(globSync(file, { cwd: SAMPLES })).toEqual([file])
    expect(accepts('inventory', readFileSync(join(SAMPLES, file), 'utf8'))).toBe(true)
  })

  it.each([
    ['a key that is unknown', 'job: a\nworker: { command: [x] }\nrelaese: {}'],
    ['a job name that cannot be', 'job: A B\nworker: { command: [x] }'],
    ['a worker without a command', 'job: a\nworker: {}'],
    ['a number that is too large', 'job: a\nworker: { command: [x], slots: 100000 }'],
  ])('refuse a fleet.yml with %s', (_, text) => {
    expect(accepts('fleet', text)).toBe(false)
  })

  it.each([
    ['a port that cannot be', 'hosts: { a: { port: 0 } }'],
    ['an address that is an option', 'hosts: { a: { address: "-oProxyCommand=x" } }'],
    ['an unknown key', 'host: { a: }'],
  ])('refuse an inventory with %s', (_, text) => {
    expect(accepts('inventory', text)).toBe(false)
  })

  it('describe keys and defaults in words', () => {
    const text = JSON.stringify(jsonSchema('fleet'))
    expect(text).toContain('TERM, then KILL after this')
    expect(text).toContain('"default":"0.0.0.0:7070"')
  })
})
