// The layer rules are worth something only if they catch what they forbid: violations are planted in a copy of the
// sources, and the command of `npm run check` must name each of them.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

const VIOLATIONS = [
  {
    what: 'a room that imports a room which it must not know',
    file: 'src/ssh/planted-room.ts',
    imports: '../config/index.ts',
    rule: 'ssh-imports-only-its-rooms',
  },
  {
    what: 'a room that imports a package of another room',
    file: 'src/cli/planted-package.ts',
    imports: 'ssh2',
    rule: 'cli-imports-only-its-packages',
  },
  {
    what: 'a builtin outside the room that owns it',
    file: 'src/dispatcher/planted-builtin.ts',
    imports: 'node:sqlite',
    rule: 'dispatcher-imports-only-its-builtins',
  },
  {
    what: 'an import that reaches past the index.ts of another room',
    file: 'src/fleet/planted-door.ts',
    imports: '../core/names.ts',
    rule: 'through-the-door',
  },
  {
    what: 'two files that import each other',
    file: 'src/core/planted-circle-a.ts',
    imports: './planted-circle-b.ts',
    rule: 'no-circles',
  },
  {
    what: 'a file outside every room',
    file: 'src/planted-outside.ts',
    imports: './core/index.ts',
    rule: 'only-known-rooms',
  },
] as const

describe('npm run layers', () => {
  let copy: string
  let exitCode: number | null
  let lines: readonly string[]

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'fleet-layers-'))
    for (const part of ['src', '.dependency-cruiser.mjs', 'package.json', 'tsconfig.json']) {
      cpSync(join(ROOT, part), join(copy, part), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    for (const { file, imports } of VIOLATIONS) plant(file, imports)
    plant('src/core/planted-circle-b.ts', './planted-circle-a.ts')
    plant('src/fleet/planted-well-behaved.ts', '../core/index.ts')
    const run = spawnSync('npm', ['run', '--silent', 'layers'], { cwd: copy, encoding: 'utf8' })
    exitCode = run.status
    lines = run.stdout.split('\n')
  })

  afterAll(() => {
    rmSync(copy, { recursive: true, force: true })
  })

  it('fails when there is a violation', () => {
    expect(exitCode).not.toBe(0)
  })

  it.for(VIOLATIONS)('names $what', ({ file, rule }) => {
    expect(lines).toContainEqual(expect.stringMatching(`error ${rule}: ${file}`))
  })

  it('says nothing about an import that is allowed', () => {
    expect(lines.filter((line) => line.includes('well-behaved'))).toEqual([])
  })

  // A type-only import is enough of a dependency to be caught.
  function plant(file: string, imports: string): void {
    writeFileSync(join(copy, file), `export type * from '${imports}'\n`)
  }
})
