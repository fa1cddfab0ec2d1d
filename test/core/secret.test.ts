// A secret has one way out, and every other one says [redacted].
import { format, inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { FleetError, Secret } from '../../src/core/index.ts'

const VALUE = 'hunter2-correct-horse'
const secret = new Secret(VALUE)

describe('a Secret', () => {
  it('is revealed only by asking for it', () => {
    expect(secret.reveal()).toBe(VALUE)
  })

  it.each<[string, () => string]>([
    ['a template literal', () => `it is ${String(secret)}`],
    ['concatenation', () => 'it is '.concat(String(secret))],
    ['join', () => [secret].join()],
    ['JSON', () => JSON.stringify({ token: secret, list: [secret] })],
    ['inspect', () => inspect({ secret }, { showHidden: true, depth: 9, getters: true })],
    ['inspect without custom inspection', () => inspect(secret, { customInspect: false, showHidden: true })],
    ['console formats', () => format('%s %o %O %j', secret, secret, secret, secret)],
    [
      'the keys of an object',
      () => JSON.stringify(Object.entries(secret)) + Reflect.ownKeys(secret).map(String).join(),
    ],
    ['a copy', () => inspect(Object.assign({}, secret)) + inspect(structuredClone(secret))],
    ['an error that has it as its cause', () => inspect(new FleetError('FLEET_TEST_CASE', 'x', { cause: { secret } }))],
  ])('is not shown by %s', (_, show) => {
    expect(show()).not.toContain(VALUE)
  })

  it('says that something was left out', () => {
    expect([String(secret), JSON.stringify(secret), inspect(secret)]).toEqual([
      '[redacted]',
      '"[redacted]"',
      '[redacted]',
    ])
  })
})
