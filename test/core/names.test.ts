// Names are parsed once, at the edge; what gets through here ends up in paths, on command lines and in tables.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fullSlotName,
  nodeOfSlot,
  parseDigest,
  parseFence,
  parseFullSlotName,
  parseId,
  parseInstanceName,
  parseJobName,
  parseNodeName,
  parseSlotName,
  slotName,
  whyNotAnId,
} from '../../src/core/index.ts'

const BAD_NAME = expect.objectContaining({ code: 'FLEET_CORE_BAD_NAME' }) as Error

describe('an ID', () => {
  it.each([
    'a',
    ' ',
    '../../etc/passwd',
    '-rf',
    '$(reboot)',
    "o'brien",
    '山田太郎',
    '👩‍👩‍👧',
    '\u0301',
    '\ufeff',
    '\ufffd',
    '{id}',
  ])('may be %j: it is only ever a value', (id) => {
    expect(parseId(id)).toBe(id)
  })

  it('has at most 255 bytes, counted in UTF-8 and not in characters', () => {
    expect(whyNotAnId('a'.repeat(255))).toBeUndefined()
    expect(whyNotAnId('a'.repeat(256))).toBe('an ID has at most 255 bytes, this one has 256')
    expect(whyNotAnId('é'.repeat(127) + 'a')).toBeUndefined()
    expect(whyNotAnId('é'.repeat(128))).toBe('an ID has at most 255 bytes, this one has 256')
    expect(whyNotAnId('𝒳'.repeat(63) + 'abc')).toBeUndefined()
    expect(whyNotAnId('𝒳'.repeat(64))).toBe('an ID has at most 255 bytes, this one has 256')
  })

  it('is not empty', () => {
    expect(whyNotAnId('')).toBe('an ID must not be empty')
  })

  it('holds no control characters, those above ASCII and line separators included', () => {
    const control = [...Array(32).keys(), 127, 0x80, 0x85, 0x9f, 0x2028, 0x2029]
    for (const code of control) {
      expect(whyNotAnId(`a${String.fromCharCode(code)}b`), `U+${code.toString(16)}`).toBe(
        'an ID must not contain control characters',
      )
    }
  })

  it('is text that UTF-8 can carry: half of a surrogate pair is refused wherever it stands', () => {
    for (const id of ['\ud800', 'a\udc00', '\udc00\ud800', 'x\ud83dy'])
      expect(whyNotAnId(id)).toBe('an ID must be valid UTF-8')
  })

  it('survives the trip to bytes and back when it is accepted', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 150 }), (units) => {
        const text = String.fromCharCode(...units)
        if (whyNotAnId(text) !== undefined) return
        expect(Buffer.from(text).toString('utf8')).toBe(text)
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(255)
      }),
    )
  })

  it('is quoted and cut in the message that refuses it', () => {
    expect(() => parseId('a\nb')).toThrow('an ID must not contain control characters, got "a\\nb"')
    expect(() => parseId('x'.repeat(1_000_000))).toThrow(
      /^an ID has at most 255 bytes, this one has 1000000, got "x{300}"$/,
    )
  })
})

describe('a slot', () => {
  it('has at least two digits and never changes its name when there are more slots', () => {
    expect([1, 9, 10, 99, 100, 101, 9999].map(slotName)).toEqual(['p01', 'p09', 'p10', 'p99', 'p100', 'p101', 'p9999'])
  })

  it.each([0, -1, 1.5, 10_000, Number.NaN, Number.POSITIVE_INFINITY])('has no number %d', (number) => {
    expect(() => slotName(number)).toThrow(BAD_NAME)
  })

  it.each(['p1', 'p00', 'p001', 'p010', 'p0100', 'p10000', 'P01', 'p01 ', 'p01\n', '', 'p', 'p-1'])(
    'is not called %j',
    (text) => {
      expect(() => parseSlotName(text)).toThrow(BAD_NAME)
    },
  )

  it('has a full name that names its node, also when that is an IPv6 address', () => {
    const full = fullSlotName(parseNodeName('fe80::1'), slotName(7))
    expect(parseFullSlotName(full)).toBe('fe80::1/p07')
    expect(nodeOfSlot(full)).toBe('fe80::1')
  })

  it.each(['p01', '/p01', 'node/', 'node/p1', 'a/b/p01', '../p01', 'node07//p01'])('has no full name %j', (text) => {
    expect(() => parseFullSlotName(text)).toThrow(BAD_NAME)
  })
})

describe('other names', () => {
  it.each(['photos', 'a', '7', 'a'.repeat(32), 'a--b-'])('a job may be called %j', (text) => {
    expect(parseJobName(text)).toBe(text)
  })

  it.each(['', '-a', 'a'.repeat(33), 'Photos', 'a_b', 'a.b', 'a/b', 'a b', 'ä', 'a\n'])(
    'a job may not be called %j',
    (text) => {
      expect(() => parseJobName(text)).toThrow(BAD_NAME)
    },
  )

  it.each(['', '-a', '.', '..', 'a b', 'a/b', 'a'.repeat(129), 'a@b', 'a\u0000'])(
    'a node may not be called %j',
    (text) => {
      expect(() => parseNodeName(text)).toThrow(BAD_NAME)
    },
  )

  it('a digest is 64 lowercase hexadecimal digits', () => {
    expect(parseDigest('0a'.repeat(32))).toBe('0a'.repeat(32))
    for (const text of ['', '0A'.repeat(32), '0a'.repeat(31), `${'0a'.repeat(32)}\n`])
      expect(() => parseDigest(text)).toThrow(BAD_NAME)
  })

  it('a fence is an integer from 1 that a double holds exactly', () => {
    expect(parseFence(1)).toBe(1)
    expect(parseFence(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER)
    for (const value of [0, -1, 1.5, Number.NaN, 2 ** 53]) expect(() => parseFence(value)).toThrow(BAD_NAME)
  })

  it('an instance is 1 to 64 plain characters', () => {
    expect(parseInstanceName('a.B_9-')).toBe('a.B_9-')
    for (const text of ['', 'a b', 'a/b', 'ä', 'a'.repeat(65)]) expect(() => parseInstanceName(text)).toThrow(BAD_NAME)
  })
})
