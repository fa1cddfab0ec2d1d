import fc from 'fast-check'
import { expect, test } from 'vitest'
import { completeRequest, decodeRequest, failRequest, leaseToJson, leaseToText } from '../../src/protocol/index.ts'
import { parseFence, parseId } from '../../src/core/index.ts'
import { leaseFromJson, leaseFromText } from '../../src/protocol/lease-codec.ts'

const json = (value: unknown) => ({ encoding: 'json', bytes: Buffer.from(JSON.stringify(value)) }) as const
const form = (text: string) => ({ encoding: 'form', bytes: Buffer.from(text, 'latin1') }) as const

const ids = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((text) => {
  try {
    parseId(text)
    return true
  } catch {
    return false
  }
})

test('a form and a JSON body mean the same', () => {
  fc.assert(
    fc.property(
      ids,
      fc.integer({ min: 1 }),
      fc.string({ unit: 'grapheme' }),
      fc.boolean(),
      (id, fence, message, permanent) => {
        const next = { slot: 'node01/p01', instance: 'a', wait_ms: 5 }
        const fields = {
          id,
          fence: String(fence),
          'error.class': 'exit-1',
          'error.message': message,
          permanent: String(permanent),
          'next.slot': next.slot,
          'next.instance': next.instance,
          'next.wait_ms': '5',
        }
        const fromForm = decodeRequest(failRequest, form(new URLSearchParams(fields).toString()))
        const fromJson = decodeRequest(
          failRequest,
          json({ id, fence, error: { class: 'exit-1', message }, permanent, next }),
        )
        expect(fromForm).toEqual(fromJson)
      },
    ),
  )
})

test('bytes that are not UTF-8 are replaced in a message and refused elsewhere', () => {
  const body = 'id=a&fence=1&error.class=x&error.message='
  expect(decodeRequest(failRequest, form(`${body}a%FFb\xff%C3%A9 100%25 100% %zz`)).error.message).toBe(
    'a\ufffdb\ufffdé 100% 100% %zz',
  )
  expect(() => decodeRequest(completeRequest, form('id=%FF&fence=1'))).toThrow('id: expected UTF-8')
  expect(() => decodeRequest(completeRequest, form('id=\xff&fence=1'))).toThrow('id: expected UTF-8')
  expect(() =>
    decodeRequest(completeRequest, { encoding: 'json', bytes: Buffer.from('{"id":"\xff","fence":1}', 'latin1') }),
  ).toThrow('body: expected UTF-8')
})

test('a lease survives both codecs', () => {
  fc.assert(
    fc.property(
      ids,
      fc.integer({ min: 1 }),
      fc.integer({ min: 1 }),
      fc.option(fc.json(), { nil: undefined }),
      (id, fence, attempt, payload) => {
        const lease = {
          id: parseId(id),
          fence: parseFence(fence),
          attempt,
          ttlMs: 1000,
          ...(payload === undefined ? {} : { payload }),
        }
        expect(leaseFromJson(leaseToJson(lease))).toEqual(lease)
        expect(leaseFromText(leaseToText(lease))).toEqual(lease)
      },
    ),
  )
})

test.each(['', 'a\t1\t1\t1', 'a\t0\t1\t1\n', 'a\t1\t1\n', 'a\tb\t1\t1\t1\n'])(
  'a line that is no lease is refused: %j',
  (text) => {
    expect(() => leaseFromText(text)).toThrow('expected a lease')
  },
)
