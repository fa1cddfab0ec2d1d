// Commands for nodes, run by real shells: what they make of an argument, and what a login shell makes of a whole line.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandLine, quote, splitNoise } from '../../src/node/index.ts'
import { findProgram } from '../support/requires-program.ts'
import { shellsHere } from './shells.ts'

const bytes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 60 }).map((list) => Uint8Array.from(list)),
  fc
    .array(fc.constantFrom(...Buffer.from('\'"\\$`\n\r\t !*~-{}#&;%01c[')), { maxLength: 40 })
    .map((list) => Uint8Array.from(list)),
  fc
    .constantFrom('', '-n', '--', '$(reboot)', "it's", 'ends\n\n\n', '\\', '!!', '\\0101', '%s', '日本é')
    .map((text) => Uint8Array.from(Buffer.from(text))),
)
const everyByte = Uint8Array.from({ length: 255 }, (_, index) => index + 1)

const shells = shellsHere()
const loginShells = ['sh', 'dash', 'bash', 'fish', 'tcsh', 'zsh'].flatMap((name) => {
  const path = findProgram(name, `${name} as a login shell`)
  return path === undefined ? [] : [{ name, path }]
})

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'fleet-quote-'))
  for (const { name, path } of shells) {
    mkdirSync(join(scratch, name))
    symlinkSync(path, join(scratch, name, 'sh'))
  }
})
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true })
})

/** What `sh` on the node, started by the login shell, got as its arguments. */
function sentThrough(login: string, sh: string, args: readonly Uint8Array[], locale: string): Buffer {
  const line = commandLine({ name: 'test', script: 'printf "%s\\0" "$@"', args })
  const env = { HOME: scratch, PATH: `${join(scratch, sh)}:/usr/bin:/bin`, LC_ALL: locale }
  const run = spawnSync(login, ['-c', line], { env, maxBuffer: 1 << 24 })
  const { output } = splitNoise(run.stdout.toString('latin1'))
  return Buffer.from(output ?? `no mark: ${run.stderr.toString()}`, 'latin1')
}

function arrived(args: readonly Uint8Array[]): Buffer {
  return Buffer.concat(args.flatMap((arg) => [arg, Uint8Array.of(0)]))
}

describe.each(shells)('with $name as sh', ({ name, path }) => {
  test('a quoted argument without a NUL arrives byte for byte', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 1, maxLength: 20 }),
        (texts) => {
          const words = texts.map((text) => text.replaceAll('\0', ''))
          const out = execFileSync(path, ['-c', `printf '%s\\0' ${words.map(quote).join(' ')}`])
          expect(out).toEqual(Buffer.from(words.map((word) => `${word}\0`).join('')))
        },
      ),
      { numRuns: 20 },
    )
  })

  test.each(loginShells)('any bytes pass the login shell $name', (login) => {
    for (const locale of ['C', 'C.UTF-8']) {
      fc.assert(
        fc.property(fc.array(bytes, { minLength: 1, maxLength: 10 }), (args) => {
          expect(sentThrough(login.path, name, args, locale)).toEqual(arrived(args))
        }),
        { numRuns: 10, examples: [[[everyByte, everyByte]]] },
      )
    }
  })

  test.each(loginShells)('a long argument passes the login shell $name', (login) => {
    const args = [Uint8Array.from({ length: 20_000 }, (_, index) => (index % 255) + 1), Buffer.alloc(20_000, 'x')]
    expect(sentThrough(login.path, name, args, 'C.UTF-8')).toEqual(arrived(args))
  })

  test('a command line hands the base, made absolute, and its arguments to the script', () => {
    const args = ["it's", 'a\nb', '', '$HOME', '*']
    const line = commandLine({ name: 'test', script: 'printf "%s\\0" "$base" "$@"', base: '~/.fleet/it is', args })
    const out = execFileSync(path, ['-c', line], {
      env: { HOME: '/home/me', PATH: `${join(scratch, name)}:/usr/bin:/bin` },
      encoding: 'utf8',
      stdio: 'pipe',
    })
    expect(splitNoise(out).output?.split('\0').slice(0, -1)).toEqual(['/home/me/.fleet/it is', ...args])
  })
})

test('a command without a base keeps the umask of the login', () => {
  const line = `umask 027; ${commandLine({ name: 'test', script: 'umask', args: [] })}`
  expect(splitNoise(execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8', stdio: 'pipe' })).output).toBe('0027\n')
})

test('the whole line is printable ASCII', () => {
  expect(commandLine({ name: 'test', script: 'echo é\n', args: [everyByte] })).toMatch(/^[ -~]+$/)
})

test('a NUL byte is refused', () => {
  const code = expect.objectContaining({ code: 'FLEET_NODE_BAD_ARGUMENT' }) as Error
  expect(() => quote('a\0b')).toThrow(code)
  expect(() => commandLine({ name: 'test', script: ':', args: [Uint8Array.of(65, 0)] })).toThrow(code)
})

test('the longest line that is allowed runs, and one byte more is refused before it is sent', () => {
  const lineOf = (size: number): string =>
    commandLine({ name: 'test', script: 'echo "${#1}"', args: ['x'.repeat(size)] })
  // An argument that needs no quotes adds exactly its length.
  const most = 131_071 - lineOf(1).length + 1
  const longest = lineOf(most)
  expect(longest).toHaveLength(131_071)
  expect(splitNoise(execFileSync('/bin/sh', ['-c', longest], { encoding: 'utf8', stdio: 'pipe' })).output).toBe(
    `${most}\n`,
  )
  expect(() => lineOf(most + 1)).toThrow(expect.objectContaining({ code: 'FLEET_NODE_BAD_ARGUMENT' }) as Error)
})
