// What the items of a release bring, and where: links, patterns, and what .fleetignore leaves out.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildRelease } from '../../src/fleet/index.ts'
import { isMissing } from '../support/requires-program.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-items-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function write(path: string, content = ''): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  symlinkSync(target, join(folder, path))
}

async function pathsOf(...items: string[]): Promise<string[]> {
  const { manifest } = await buildRelease(folder, items)
  return [...manifest.files.map(({ path }) => path), ...manifest.links.map(({ path }) => path)].sort()
}

describe('symbolic links of a release', () => {
  it('stay links when they lead to something of the release', async () => {
    write('app/bin/main-1.2')
    link('app/bin/main', 'main-1.2')
    link('app/conf', 'etc/')
    write('app/etc/x')
    const { manifest, sources } = await buildRelease(folder, ['app'])
    expect(manifest.links).toEqual([
      { path: 'app/bin/main', target: 'main-1.2' },
      { path: 'app/conf', target: 'etc/' },
    ])
    expect([...sources.keys()].sort()).toEqual(['app/bin/main-1.2', 'app/etc/x'])
  })

  it('count as they are placed, not as they lie here', async () => {
    write('build/main')
    link('conf/good', '../main')
    expect(await pathsOf('build/main', 'conf')).toEqual(['conf/good', 'main'])
    link('conf/bad', '../build/main')
    await expect(pathsOf('build/main', 'conf')).rejects.toMatchObject({
      code: 'FLEET_RELEASE_BAD_LINK',
      message: expect.stringContaining('"conf/bad"') as string,
    })
  })

  it.each([
    ['is absolute', '/etc/passwd'],
    ['leads out', '../../outside'],
    ['names nothing', 'gone'],
    ['leads back', 'link'],
    ['is no plain path', 'a\nb'],
  ])('are refused by name when their target %s', async (why, target) => {
    write('app/main')
    link('app/link', target)
    await expect(pathsOf('app')).rejects.toMatchObject({
      code: 'FLEET_RELEASE_BAD_LINK',
      message: expect.stringMatching(`"app/link".*${why}`) as string,
    })
  })

  it('are refused when .fleetignore leaves out what they lead to', async () => {
    write('app/main')
    write('app/.fleetignore', 'main\n')
    link('app/link', 'main')
    await expect(pathsOf('app')).rejects.toMatchObject({ code: 'FLEET_RELEASE_BAD_LINK' })
  })

  it('are refused when they are items and alone', async () => {
    write('main-1.2')
    link('main', 'main-1.2')
    await expect(pathsOf('main')).rejects.toMatchObject({ code: 'FLEET_RELEASE_BAD_LINK' })
    expect(await pathsOf('main', 'main-1.2')).toEqual(['main', 'main-1.2'])
  })

  it('stand for their folder when the item ends with a slash', async () => {
    write('app-1.2/main')
    link('app', 'app-1.2')
    expect(await pathsOf('app/')).toEqual(['app/main'])
  })

  it('are not followed into a circle of folders', async () => {
    write('app/main')
    link('app/deep/up', '..')
    expect(await pathsOf('app')).toEqual(['app/deep/up', 'app/main'])
    expect(await pathsOf('app/**')).toEqual(['deep/up', 'main'])
  })
})

describe('patterns', () => {
  beforeEach(() => {
    for (const path of ['build/a.bin', 'build/b.bin', 'build/c.txt', 'build/.d.bin', 'build/sub/e.bin']) write(path)
    for (const path of ['conf/x.json', 'conf/one/y.json', 'conf/one/two/z.json', 'conf/.git/q.json', 'conf/r.yml'])
      write(path)
  })

  it.each([
    ['build/*.bin', ['a.bin', 'b.bin']],
    ['build/[!b].bin', ['a.bin']],
    ['build/?.*', ['a.bin', 'b.bin', 'c.txt']],
    ['build/.*.bin', ['.d.bin']],
    ['build/s*', ['sub/e.bin']],
    ['build/*/', ['sub/e.bin']],
    ['build/*/e.bin', ['e.bin']],
    ['*/*.json', ['x.json']],
    ['./conf/*/*/../../*/y.json', undefined],
    ['conf/**/*.json', ['one/two/z.json', 'one/y.json', 'x.json']],
    ['conf/**', ['one/two/z.json', 'one/y.json', 'r.yml', 'x.json']],
    ['conf/**/two/', ['one/two/z.json']],
    ['**/[xy].json', ['conf/one/y.json', 'conf/x.json']],
    ['conf/o*/**/z.json', ['one/two/z.json']],
    ['conf/**/**/z.json', ['one/two/z.json']],
    ['build/*.BIN', undefined],
    ['none/*', undefined],
    ['build/a.bin/*', undefined],
    ['build/[a.bin', undefined],
  ])('%s', async (pattern, paths) => {
    if (paths !== undefined) expect(await pathsOf(pattern)).toEqual(paths)
    else
      await expect(pathsOf(pattern)).rejects.toMatchObject({
        code: 'FLEET_RELEASE_UNREADABLE',
        message: expect.stringContaining(JSON.stringify(pattern)) as string,
      })
  })

  it('may be absolute, or lie above the folder', async () => {
    const { manifest } = await buildRelease(join(folder, 'conf'), [join(folder, 'build/*.txt'), '../build/**/e.*'])
    expect(manifest.files.map(({ path }) => path)).toEqual(['c.txt', 'sub/e.bin'])
  })

  it('go through links to folders where a shell would', async () => {
    link('current', 'build')
    expect(await pathsOf('cur*/*.txt')).toEqual(['c.txt'])
  })

  it('does not search for ever, however many folders may be anywhere', async () => {
    write(`${'a/'.repeat(300)}b`)
    expect(await pathsOf(`${'**/'.repeat(30)}b`)).toEqual([`${'a/'.repeat(300)}b`])
  })

  it('are not seen in the name of a file that is there', async () => {
    write('odd/[a]*.bin')
    write('odd/a.bin')
    expect(await pathsOf('odd/[a]*.bin')).toEqual(['[a]*.bin'])
  })
})

describe('.fleetignore', () => {
  it('leaves out what it names, is not part of the release, and counts', async () => {
    for (const path of ['app/main', 'app/main.o', 'app/cache/1', 'app/cache/2', 'app/deep/x.o', 'app/deep/keep.o'])
      write(path)
    write('app/.fleetignore', '# built on the way\n*.o\n!keep.o\n/cache/\n')
    const { manifest, ignored } = await buildRelease(folder, ['app'])
    expect(manifest.files.map(({ path }) => path)).toEqual(['app/deep/keep.o', 'app/main'])
    expect(ignored).toBe(3)
  })

  it('also speaks from the folder of fleet.yml, for folders and patterns below it', async () => {
    for (const path of ['app/sub/main', 'app/sub/main.log', 'app/x.log']) write(path)
    write('.fleetignore', '*.log')
    expect(await pathsOf('app/sub')).toEqual(['sub/main'])
    await expect(pathsOf('app/*.log')).rejects.toMatchObject({ code: 'FLEET_RELEASE_UNREADABLE' })
    await expect(pathsOf('app/**/*.log')).rejects.toMatchObject({ code: 'FLEET_RELEASE_UNREADABLE' })
  })

  it('does not overrule an item that is named without wildcards', async () => {
    write('build/main')
    write('.fleetignore', 'build/\n')
    expect(await pathsOf('build/main')).toEqual(['main'])
    expect(await pathsOf('build')).toEqual(['build/main'])
    await expect(pathsOf('bui*')).rejects.toMatchObject({ code: 'FLEET_RELEASE_UNREADABLE' })
  })

  it('of a deeper folder overrules one above', async () => {
    for (const path of ['app/a.log', 'app/in/a.log', 'app/in/b.log']) write(path)
    write('app/.fleetignore', '*.log')
    write('app/in/.fleetignore', '!b.log')
    expect(await pathsOf('app')).toEqual(['app/in/b.log'])
  })

  it('may leave out what could not be in a release', async () => {
    write('app/main')
    spawnSync('mkfifo', [join(folder, 'app/pipe')])
    link('app/abs', '/etc/passwd')
    write('app/.fleetignore', 'pipe\nabs\n')
    expect(await pathsOf('app')).toEqual(['app/main'])
  })

  it('takes a character for a character, where git would take its bytes', async () => {
    write('app/ä')
    write('app/ae')
    write('app/.fleetignore', '?\n')
    expect(await pathsOf('app')).toEqual(['app/ae'])
  })

  it('that cannot be read is an error, as nobody knows what it leaves out', async () => {
    write('app/main')
    mkdirSync(join(folder, 'app/.fleetignore'))
    await expect(pathsOf('app')).rejects.toMatchObject({
      code: 'FLEET_RELEASE_UNREADABLE',
      message: expect.stringContaining(join(folder, 'app/.fleetignore')) as string,
    })
  })

  it('says so when it leaves nothing', async () => {
    write('app/main')
    write('app/.fleetignore', '*')
    await expect(pathsOf('app')).rejects.toMatchObject({
      code: 'FLEET_RELEASE_EMPTY',
      message: 'there are no files in app (.fleetignore left out 1)',
    })
  })

  it.skipIf(isMissing('git', 'the comparison of .fleetignore with git'))(
    'leaves out just what git would ignore',
    async () => {
      const names = ['a', 'b', 'ab', 'a b', '.a', 'a ', '!a', '#a', '[a]', 'a-']
      const below = ['f', 'a/b', 'b/a/x', 'x.o']
      for (const name of names) for (const path of below) write(`w/${name}/${path}`)
      const git = (arguments_: string[], input = ''): string =>
        spawnSync('git', ['-C', join(folder, 'w'), ...arguments_], { input, encoding: 'utf8', timeout: 20_000 }).stdout
      git(['init', '-q'])
      const all = names.flatMap((name) => below.map((path) => `${name}/${path}`))
      const piece = fc.oneof(
        fc.constantFrom(
          'a',
          'b',
          '*',
          '**',
          '?',
          '/',
          '**/',
          '/**',
          '.',
          'x',
          ' ',
          '\\ ',
          '\\a',
          '!',
          '#',
          '-',
          '\t',
          '\r',
        ),
        fc.constantFrom(
          '[ab]',
          '[!a]',
          '[^b]',
          '[b-a]',
          '[]a]',
          '[[:alpha:]]',
          '[[:foo:]]',
          '[\\]a]',
          '[a',
          '\\',
          'ä',
          '*.o',
        ),
      )
      const line = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''))
      const text = fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.join('\n'))
      await fc.assert(
        fc.asyncProperty(text, text, async (outer, inner) => {
          for (const [path, content] of [
            ['', outer],
            ['a/', inner],
          ] as const) {
            write(`w/${path}.gitignore`, content)
            write(`w/${path}.fleetignore`, content)
          }
          write('w/kept')
          const ignored = new Set(git(['check-ignore', '--no-index', '-z', '--stdin'], all.join('\0')).split('\0'))
          const { manifest } = await buildRelease(folder, ['w/kept', 'w/'])
          const kept = manifest.files.map(({ path }) => path.slice(2)).filter((path) => all.includes(path))
          expect(kept.sort()).toEqual(all.filter((path) => !ignored.has(path)).sort())
        }),
        { numRuns: 60 },
      )
    },
  )
})
