// The completions in the real shells: each is asked what it would offer at the end of a line.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { isMissing } from '../support/requires-program.ts'

const FLEET = join(import.meta.dirname, '../../bin/fleet')

// The shell's script comes first, then the words of the line, the last one unfinished.
const ASK = {
  bash: [
    'bash',
    '--norc',
    '-c',
    'source "$0"; COMP_WORDS=(fleet "$@"); COMP_CWORD=$#; _fleet; printf "%s\\n" "${COMPREPLY[@]}"',
  ],
  // Outside of its line editor zsh has no completion system: what would be described is printed instead.
  zsh: [
    'zsh',
    '-f',
    '-c',
    'compdef() :; _files() print FILES; _describe() print -l -- ${${(P)argv[-1]}%%:*}; source "$0"; words=(fleet "$@"); CURRENT=$#words; _fleet',
  ],
  fish: [
    'fish',
    '--no-config',
    '-c',
    'source $argv[1]; complete --do-complete (string join -- " " fleet $argv[2..]) | string replace --regex "\\t.*" ""',
  ],
} as const

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-completion-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe.each(Object.keys(ASK) as (keyof typeof ASK)[])('fleet completion %s', (shell) => {
  const offered = (...words: string[]): string[] => {
    const script = join(folder, shell)
    writeFileSync(script, execFileSync(FLEET, ['completion', shell]))
    const [program, ...args] = ASK[shell]
    return execFileSync(program, [...args, script, ...words], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .sort()
  }

  describe.skipIf(isMissing(shell, `the completion of ${shell}`))('makes it', () => {
    it('offer every command', () => {
      const names = createProgram(() => undefined).commands.map((command) => command.name())
      expect(offered('')).toEqual(expect.arrayContaining(names))
    })

    it('offer the commands of a command, and only those', () => {
      expect(offered('ids', '')).toEqual(expect.arrayContaining(['add', 'export', 'list', 'retry', 'show']))
      expect(offered('ids', '')).not.toContain('push')
    })

    it('offer the options of the command, also after other options', () => {
      const options = offered('-v', 'push', '--')
      expect(options).toEqual(expect.arrayContaining(['--hosts', '--limit', '--dry-run']))
      expect(options).not.toContain('--watch')
    })
  })
})

describe('fleet completion', () => {
  it('names the shells that it knows', () => {
    expect(() => execFileSync(FLEET, ['completion', 'csh'], { stdio: 'pipe' })).toThrow(/bash, zsh, fish/)
  })
})
