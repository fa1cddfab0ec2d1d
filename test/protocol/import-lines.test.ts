import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createImportParser, type ImportFormat, type ImportLine } from '../../src/protocol/index.ts'

function parse(format: ImportFormat, ...chunks: (string | Uint8Array)[]): ImportLine[] {
  const parser = createImportParser(format)
  return [...chunks.flatMap((chunk) => parser.push(Buffer.from(chunk))), ...parser.end()]
}

function brief(lines: readonly ImportLine[]): string[] {
  return lines.map((line) =>
    line.kind === 'row' ? `${line.line}=${line.row.id}${line.row.payload ?? ''}` : `${line.line}!${line.reason}`,
  )
}

describe('plain', () => {
  test('one ID a line; BOM and CR are tolerated, empty lines skipped but counted, other spaces kept', () => {
    expect(brief(parse('plain', '\ufeffa\r\n\r\n\n b \nc'))).toEqual(['1=a', '4= b ', '5=c'])
  })

  test('bytes that are not UTF-8, control characters and long IDs are refused with their line number', () => {
    const lines = parse('plain', Buffer.from([0x61, 0xff, 0x0a]), 'a\tb\n', `${'x'.repeat(256)}\n`, 'ok\n')
    expect(brief(lines)).toEqual([
      '1!a line must be valid UTF-8',
      '2!an ID must not contain control characters',
      '3!an ID has at most 255 bytes, this one has 256',
      '4=ok',
    ])
  })

  test('a line beyond the limit is refused once, and what follows is read', () => {
    const long = 'x'.repeat(40_000)
    expect(brief(parse('plain', long, long, 'y\nok\n', `${long}${long}\nlast`))).toEqual([
      '1!a line has at most 69632 bytes',
      '2=ok',
      '3!a line has at most 69632 bytes',
      '4=last',
    ])
  })

  test('a second BOM is part of its line', () => {
    expect(brief(parse('plain', 'a\n\ufeffb'))).toEqual(['1=a', '2=\ufeffb'])
  })

  test('where chunks end makes no difference', () => {
    const bytes = Buffer.from('\ufeffuser-é\r\n用户\n\n👩‍👩‍👧\nlast')
    const whole = brief(parse('plain', bytes))
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
        expect(brief(parse('plain', ...chunks))).toEqual(whole)
      }),
    )
  })
})

describe('NDJSON', () => {
  test('an ID and a payload, whose text is kept', () => {
    expect(brief(parse('ndjson', '{"id":"a"}\n{"payload": [1.0, {"b":1e400}] , "id":"b"}\n'))).toEqual([
      '1=a',
      '2=b[1.0, {"b":1e400}]',
    ])
  })

  test.each([
    ['a', 'one JSON object'],
    ['"a"', 'must be a JSON object'],
    ['["a"]', 'must be a JSON object'],
    ['null', 'must be a JSON object'],
    ['{}', '"id" must be there'],
    ['{"id":5}', '"id" must be there and be a string'],
    ['{"id":""}', 'must not be empty'],
    ['{"id":"\\ud800"}', 'valid UTF-8'],
    ['{"id":"\\u0000"}', 'control characters'],
    ['{"id":"a","size":1}', 'unknown key "size"'],
    [`{"id":"a","payload":"${'x'.repeat(65_535)}"}`, 'at most 65536 bytes'],
  ])('refuses %.40s', (line, reason) => {
    expect(parse('ndjson', line)).toEqual([
      { kind: 'rejected', line: 1, reason: expect.stringContaining(reason) as string },
    ])
  })
})
