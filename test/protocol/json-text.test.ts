import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memberText } from '../../src/protocol/json-text.ts'

test('finds a member as the text that somebody wrote', () => {
  expect(memberText('{"a":1,"payload": {"n": 12345678901234567890, "s":"}\\"{"} ,"b":[]}', 'payload')).toBe(
    '{"n": 12345678901234567890, "s":"}\\"{"}',
  )
})

test.each([
  ['{}', undefined],
  ['[{"p":1}]', undefined],
  ['{"q":{"p":1}}', undefined],
  ['{"p":1,"p":2}', '2'],
  ['{"\\u0070":true}', 'true'],
  ['{"xp":1,"px":2}', undefined],
  [' {\n"p" :\t"" } ', '""'],
  ['{"p":null}', 'null'],
  ['{"p":[[],{}]}', '[[],{}]'],
])('in %s', (json, expected) => {
  expect(memberText(json, 'p')).toBe(expected)
})

test('agrees with JSON.parse for every object', () => {
  const objects = fc.dictionary(fc.constantFrom('p', 'q', '"', '\\', 'é', ''), fc.jsonValue())
  fc.assert(
    fc.property(objects, fc.constantFrom(undefined, 1, '\t'), (object, indent) => {
      const json = JSON.stringify(object, undefined, indent)
      const text = memberText(json, 'p')
      const expected = (JSON.parse(json) as { p?: unknown }).p
      expect(text === undefined ? undefined : JSON.parse(text)).toEqual(expected)
    }),
  )
})
