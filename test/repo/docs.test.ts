// Documents go stale silently, so what they say about codes, keys, files, commands and options is compared with the product.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { configurationReference } from '../../docs/generate-configuration.ts'
import { createProgram } from '../../src/cli/program.ts'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'bench/**/*.md', 'inventory/**/*.md'], {
  cwd: ROOT,
}).sort()

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('docs/errors.md', () => {
  const codes = (text: string): Set<string> => new Set(text.match(/\bFLEET_[A-Z]+_[A-Z0-9_]*[A-Z0-9]\b/g))
  const documented = codes(read('docs/errors.md'))
  // Only what stands in quotes is a code that can be thrown; the environment's FLEET_... names have no second part or stand in sh.
  const thrown = new Set(
    globSync('src/**/*.ts', { cwd: ROOT }).flatMap((file) =>
      [...read(file).matchAll(/['`](FLEET_[A-Z]+_[A-Z0-9_]*[A-Z0-9])['`]/g)].map((match) => match[1] ?? ''),
    ),
  )

  it('lists every code that the sources can throw, and no other', () => {
    expect([...documented].sort()).toEqual([...thrown].sort())
  })

  it('has a meaning and a remedy for each, and each once', () => {
    const rows = read('docs/errors.md')
      .split('\n')
      .filter((line) => line.startsWith('| `FLEET_'))
    expect(rows.length).toBe(documented.size)
    for (const row of rows) expect(row).toMatch(/^\| `\w+` \| [^|]+ \| [^|]+ \|$/)
  })
})

describe('docs/configuration.md', () => {
  it('is what the schemas say; `npm run docs` renews it', () => {
    expect(read('docs/configuration.md')).toBe(configurationReference())
  })
})

describe.each(DOCUMENTS)('%s', (document) => {
  const text = read(document)

  it('links only to files that are there', () => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    const broken = targets.filter((target) => !existsSync(join(ROOT, dirname(document), target.replace(/#.*$/, ''))))
    expect(broken).toEqual([])
  })

  it('shows only commands and options that fleet has', () => {
    const program = createProgram(() => undefined)
    const wrong = commandLines(text).flatMap((words) => complaintsAbout(program, words))
    expect(wrong).toEqual([])
  })

  it('calls only npm scripts that are there', () => {
    const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts)
    const called = [...text.matchAll(/\bnpm run ([a-z][\w:-]*)/g)].map((match) => match[1] ?? '')
    expect(called.filter((name) => !scripts.includes(name))).toEqual([])
  })
})

/** What follows `fleet` in code: spans that begin with it, and lines of blocks that do, up to a comment or the next command. */
function commandLines(text: string): string[][] {
  const blocks = [...text.matchAll(/^```[^\n]*\n([^]*?)^```/gm)].flatMap((match) => (match[1] ?? '').split('\n'))
  const spans = [...text.replaceAll(/^```[^]*?^```/gm, '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
  return [...blocks, ...spans].flatMap((code) => {
    const words = /^(?:\$ )?(?:\S*\/)?fleet ([a-z-][^#;&>]*)/.exec(code.trim())?.[1]
    // A list of alternatives: `fleet push/start/stop`.
    if (words === undefined) return []
    return [words.trim().split(/\s+/)]
  })
}

/** Walks down the commands as far as words name them, then looks at the options. */
function complaintsAbout(program: Command, words: readonly string[]): string[] {
  let command = program
  let rest = words
  while (command.commands.length > 0 && rest[0] !== undefined && !rest[0].startsWith('-')) {
    const names = rest[0].split(/[|/]/)
    const found = names.map((name) => command.commands.find((candidate) => candidate.name() === name))
    const [first] = found
    if (first === undefined || found.includes(undefined)) return [`fleet ${words.join(' ')}`]
    command = first
    rest = rest.slice(1)
  }
  const known = new Set(['--help', '-h', ...command.options.flatMap((option) => [option.long, option.short])])
  return rest
    .filter((word) => /^--?[a-z]/.test(word) && !known.has(word.replace(/=.*$/, '')))
    .map((word) => `${command.name()} ${word}`)
}
