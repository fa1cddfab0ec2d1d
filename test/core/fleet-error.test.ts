// The one error type: the first cause is kept, nothing thrown is ever lost.
import { describe, expect, it } from 'vitest'
import { FleetError, messageOf, toFleetError } from '../../src/core/index.ts'

describe('FleetError', () => {
  it('carries code, message, remedy and cause, and is not retryable unless said so', () => {
    const cause = new Error('disk on fire')
    const error = new FleetError('FLEET_TEST_CASE', 'expected water', { remedy: 'pour', cause })
    expect(error).toMatchObject({
      name: 'FleetError',
      code: 'FLEET_TEST_CASE',
      message: 'expected water',
      remedy: 'pour',
      retryable: false,
    })
    expect(error.cause).toBe(cause)
    expect(new FleetError('FLEET_TEST_CASE', '', { retryable: true }).retryable).toBe(true)
  })

  it('has no cause at all when none was given', () => {
    expect(Object.hasOwn(new FleetError('FLEET_TEST_CASE', 'x'), 'cause')).toBe(false)
  })
})

describe('toFleetError', () => {
  it('leaves a FleetError as it is', () => {
    const error = new FleetError('FLEET_TEST_CASE', 'x')
    expect(toFleetError(error)).toBe(error)
  })

  it.each([
    [new TypeError('no such thing'), 'no such thing'],
    [new TypeError(), 'TypeError'],
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42, '42'],
  ])('wraps %s and keeps it as the cause', (thrown, message) => {
    const error = toFleetError(thrown)
    expect(error).toMatchObject({ code: 'FLEET_CORE_UNEXPECTED', message, retryable: false })
    expect(error.cause).toBe(thrown)
    expect(messageOf(thrown)).toBe(message)
  })
})
