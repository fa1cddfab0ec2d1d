// The same questions to us and to ssh-keygen: which lines of a file are about a name.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { generateKeyPair } from '../../src/ssh/index.ts'
import { parseKnownHosts } from '../../src/ssh/known-hosts.ts'
import { isMissing } from '../support/requires-program.ts'

const ADDRESSES = ['node1', 'node2', 'node1.example.net', 'db.internal', '10.0.0.7', '10.0.0.70', 'fe80::1', '::1']
const NAMES = [...ADDRESSES, ...ADDRESSES.map((address) => `[${address}]:2222`), '[node1]:22', 'foo']

const PATTERNS = [
  ...NAMES,
  'NODE1',
  'Node1.Example.NET',
  'node2,10.0.0.7',
  'node1,,node2',
  ',node2',
  '*',
  '?*',
  'node?',
  'n*1',
  'n**1',
  '*.example.net',
  '*.EXAMPLE.net,!node1.*',
  'node*,!node1',
  '!node1,node*',
  '!node1',
  '!*',
  '*,!*',
  '10.0.0.*',
  '10.0.0.?',
  '[*]:2222',
  '[node?]:*',
  '[node1]:222?',
  '[10.0.0.*]:2222,!\\[10.0.0.7\\]:2222',
  '*:*',
  'fe80::*',
  'node[12]',
  'node1.',
  '.',
]

describe.skipIf(isMissing('ssh-keygen', 'the comparison with ssh-keygen -F'))('known_hosts, line by line,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-known-hosts-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const key = generateKeyPair().public.split(' ').slice(0, 2).join(' ')

  const linesByKeygen = (file: string, name: string): number[] => {
    const { stdout } = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8', timeout: 10_000 })
    return [...stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map((match) => Number(match[1]))
  }
  const linesByUs = (text: string, name: string): number[] =>
    parseKnownHosts(text, 'kh')
      .about(name)
      .lines.map(({ number }) => number)

  const expectSame = (file: string, text: string): void => {
    let found = 0
    for (const name of NAMES) {
      const ours = linesByUs(text, name)
      expect(ours, name).toEqual(linesByKeygen(file, name))
      found += ours.length
    }
    expect(found).toBeGreaterThanOrEqual(NAMES.length)
  }

  const write = (name: string, lines: readonly string[]): { file: string; text: string } => {
    const text = lines.join('\n')
    writeFileSync(join(folder, name), text)
    return { file: join(folder, name), text }
  }

  test('plain names, wildcards and negations are understood as ssh-keygen does', () => {
    const { file, text } = write(
      'plain',
      PATTERNS.map((pattern) => `${pattern} ${key}`),
    )
    expectSame(file, text)
  })

  test('hashed names are understood as ssh-keygen does', () => {
    const { file } = write(
      'hashed',
      NAMES.map((name) => `${name} ${key}`),
    )
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore', timeout: 10_000 })
    const text = execFileSync('cat', [file], { encoding: 'utf8' })
    expect(text.split('\n').every((line) => line === '' || line.startsWith('|1|'))).toBe(true)
    expectSame(file, text)
  })

  test('comments, blanks, tabs, carriage returns and markers are understood as ssh-keygen does', () => {
    const { file, text } = write('odd', [
      `# node1 ${key}`,
      '',
      '   ',
      `  # node1 ${key}`,
      `   node1 ${key}`,
      `\tnode1\t${key} comment with spaces`,
      `node1 ${key}\r`,
      `#node1 ${key}`,
      `@revoked node1 ${key}`,
      `@cert-authority *.example.net,node1 ${key}`,
      // A tab after a marker makes ssh skip the line (check_markers in hostfile.c); we read it, as a revocation should count.
      ...NAMES.map((name) => `${name},also.${name} ${key} # ${name}`),
      `node2 ${key} last line without an end`,
    ])
    expectSame(file, text)
  })
})
