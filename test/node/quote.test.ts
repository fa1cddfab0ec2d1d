// One argument, quoted: real shells are asked what they made of it.
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { commandLine, quote } from '../../src/node/index.ts'
import { shellsHere } from './shells.ts'

const argument = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(
      "'",
      '"',
      '\\',
      '$',
      '`',
      '\n',
      ' ',
      '*',
      '~',
      '!',
      '-',
      '{',
      '}',
      '#',
      '&',
      ';',
      '\t',
      '\r',
      'é',
      '日',
    ),
    maxLength: 40,
  }),
  fc.constantFrom('', '-n', '--', '$(reboot)', "it's", '~', '*', '\u0081\u0082\u0088'),
)

describe.each(shellsHere())('under $name', (shell) => {
  test('any argument without a NUL arrives byte for byte', () => {
    fc.assert(
      fc.property(
        fc.array(
          argument.filter((text) => !text.includes('\0')),
          { minLength: 1, maxLength: 20 },
        ),
        (words) => {
          const out = execFileSync(shell.path, ['-c', `printf '%s\\0' ${words.map(quote).join(' ')}`])
          expect(out).toEqual(Buffer.from(words.map((word) => `${word}\0`).join('')))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('a command line hands the base, made absolute, and its arguments to the script', () => {
    const args = ["it's", 'a\nb', '', '$HOME', '*']
    const line = commandLine({ name: 'test', script: 'printf "%s\\0" "$base" "$@"', base: '~/.fleet/it is', args })
    const out = execFileSync(shell.path, ['-c', line], {
      env: { HOME: '/home/me', PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
    })
    expect(out.split('\0').slice(0, -1)).toEqual(['/home/me/.fleet/it is', ...args])
  })
})

test('a NUL byte is refused', () => {
  expect(() => quote('a\0b')).toThrow(expect.objectContaining({ code: 'FLEET_NODE_BAD_ARGUMENT' }) as Error)
})
