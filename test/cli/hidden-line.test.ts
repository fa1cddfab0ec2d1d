// What is typed on a terminal that shows nothing: pure.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHiddenLine, type Typed } from '../../src/cli/terminal/hidden-line.ts'

/** Everything that was typed, in pieces of one byte each or as one. */
function typed(text: string | Buffer, pieceBytes = Infinity): Typed {
  const line = createHiddenLine()
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const heard = line.type(bytes.subarray(at, at + pieceBytes))
    if (heard.kind !== 'more') return heard
  }
  return { kind: 'more' }
}
const line = (text: string): Typed => ({ kind: 'line', text })

describe('a hidden line', () => {
  it.each([
    ['ends with Enter', 'secret\r', 'secret'],
    ['ends with a line feed', 'secret\n', 'secret'],
    ['drops what a paste has after its first line', 'secret\nrm -rf /\n', 'secret'],
    ['may be empty', '\r', ''],
    ['keeps spaces, tabs and quotes', ' a\t"b\' \r', ' a\t"b\' '],
    ['takes one character back', 'ax\u007fb\r', 'ab'],
    ['takes whole characters back, however many bytes they have', 'aß\u007f€\u007f😀\u007fb\r', 'ab'],
    ['takes Ctrl-H as backspace, and no more than there is', '\b\b\bab\b\r', 'a'],
    ['is begun anew by Ctrl-U', 'wrong\u0015right\r', 'right'],
    ['leaves out arrow keys', 'a\u001b[D\u001b[1;5Cb\u001bOPc\r', 'abc'],
    ['leaves out other control keys', 'a\u001a\u001c\u0001b\r', 'ab'],
  ])('%s', (_what, text, expected) => {
    expect(typed(text)).toEqual(line(expected))
    expect(typed(text, 1)).toEqual(line(expected))
  })

  it('is given up by Ctrl-C, and ended by Ctrl-D', () => {
    expect(typed('abc\u0003')).toEqual({ kind: 'interrupt' })
    expect(typed('abc\u0004')).toEqual({ kind: 'end' })
  })

  it('that is not UTF-8 is refused, not guessed at', () => {
    expect(typed(Buffer.from([0x61, 0xfc, 0x0d]))).toEqual({ kind: 'unusable', why: 'is not UTF-8' })
  })

  it('without end is refused', () => {
    expect(typed('x'.repeat(100_000), 1000)).toMatchObject({ kind: 'unusable' })
  })

  it('is what was typed, whatever the characters, and however they are cut into pieces', () => {
    const password = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text))
    fc.assert(
      fc.property(password, fc.integer({ min: 1, max: 9 }), (text, pieceBytes) => {
        expect(typed(`${text}\r`, pieceBytes)).toEqual(line(text))
      }),
    )
  })
})
