// The digest names what is in a release: nothing else, and all of it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createManifest, parseManifest, type ReleaseFile, type ReleaseLink } from '../../src/fleet/release/manifest.ts'

const file = (path: string, change: Partial<ReleaseFile> = {}): ReleaseFile => ({
  path,
  mode: '644',
  sizeBytes: 3,
  sha256: 'ab'.repeat(32),
  ...change,
})

const link = (path: string, target: string): ReleaseLink => ({ path, target })

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => {
  try {
    createManifest([file(text)])
    return !text.includes('/')
  } catch {
    return false
  }
})
const files = fc.uniqueArray(
  fc.record({
    path: name,
    mode: fc.constantFrom<'644' | '755'>('644', '755'),
    sizeBytes: fc.nat(),
    sha256: fc.constant('cd'.repeat(32)),
  }),
  {
    minLength: 1,
    maxLength: 12,
    selector: (found) => found.path,
  },
)

describe('createManifest', () => {
  it('gives the same digest whatever order the files come in', () => {
    fc.assert(
      fc.property(
        files.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(createManifest(shuffled).text).toBe(createManifest(list).text)
          expect(createManifest(shuffled).digest).toBe(createManifest(list).digest)
        },
      ),
    )
  })

  it('gives another digest when anything of any file is different', () => {
    const digests = [
      [file('a'), file('b')],
      [file('a')],
      [file('a'), file('c')],
      [file('a'), file('b', { mode: '755' })],
      [file('a'), file('b', { sizeBytes: 4 })],
      [file('a'), file('b', { sha256: 'cd'.repeat(32) })],
      [file('a'), file('b/b')],
    ].map((list) => createManifest(list).digest)
    expect(new Set(digests).size).toBe(digests.length)
  })

  it('sorts by the bytes of their names, which is not how JavaScript compares them', () => {
    const paths = ['z', 'é', '\uffee', '\u{1f600}']
    expect(createManifest(paths.toReversed().map((path) => file(path))).files.map(({ path }) => path)).toEqual(paths)
  })

  it('is lines that sha256sum understands after their first two fields', () => {
    expect(createManifest([file('z'), file('Ä x'), file('conf/a', { mode: '755', sizeBytes: 0 })])).toMatchObject({
      text: `755 0 ${'ab'.repeat(32)}  conf/a\n644 3 ${'ab'.repeat(32)}  z\n644 3 ${'ab'.repeat(32)}  Ä x\n`,
      sizeBytes: 6,
    })
  })

  it.each([
    '',
    '/etc/passwd',
    '../up',
    'a/../b',
    './a',
    'a//b',
    'a/',
    'a\nb',
    'a\tb',
    'a\\b',
    'a\u007f',
    '.fleet-manifest',
    '.fleet-manifest/x',
    'x'.repeat(256),
    'ä'.repeat(128),
    'x/'.repeat(1537) + 'x',
    '\ud800',
  ])('refuses a file named %j', (path) => {
    expect(() => createManifest([file(path)])).toThrow(
      expect.objectContaining({ code: 'FLEET_RELEASE_BAD_PATH' }) as Error,
    )
  })

  it.each([
    ['the same name', ['a', 'b', 'a']],
    ['a folder with the name of a file', ['conf', 'conf-x', 'conf/app.yml']],
    ['a deep folder with the name of a file', ['a/b', 'a/b/c/d']],
  ])('refuses two files that cannot both be there: %s', (_, paths) => {
    expect(() => createManifest(paths.map((path) => file(path)))).toThrow(
      expect.objectContaining({ code: 'FLEET_RELEASE_DUPLICATE_PATH' }) as Error,
    )
  })
})

describe('links of a manifest', () => {
  it('stand among the files, in the order of their bytes, with their targets behind a tab', () => {
    const { text, links } = createManifest([file('a'), file('bin/x-1')], [link('bin/x', 'x-1'), link('0', 'a')])
    expect(text.split('\n')).toEqual([
      'link 0 -  0\ta',
      `644 3 ${'ab'.repeat(32)}  a`,
      'link 0 -  bin/x\tx-1',
      `644 3 ${'ab'.repeat(32)}  bin/x-1`,
      '',
    ])
    expect(links.map(({ path }) => path)).toEqual(['0', 'bin/x'])
  })

  it('change the digest when their path or target changes', () => {
    const digests = [[], [link('l', 'a')], [link('l', 'b')], [link('k', 'b')], [link('l', './a')]].map(
      (links) => createManifest([file('a'), file('b')], links).digest,
    )
    expect(new Set(digests).size).toBe(digests.length)
  })

  it.each([
    ['a file beside it', 'conf/l', 'app.yml'],
    ['a file above it', 'conf/deep/l', '../../main'],
    ['a folder', 'l', 'conf/deep/'],
    ['its own folder', 'conf/l', '.'],
    ['the whole release', 'conf/l', '..'],
    ['a link', 'l', 'conf/good'],
    ['what lies behind a link to a folder', 'l', 'shortcut/../app.yml'],
    ['a way there with detours', 'l', './conf//deep/../../main'],
  ])('may lead to %s', (_, path, target) => {
    expect(createManifest(tree, [...good, link(path, target)]).links).toContainEqual({ path, target })
  })

  it.each([
    ['an absolute one', 'l', '/etc/passwd', 'is absolute'],
    ['one that leaves the release', 'conf/l', '../../x', 'leads out'],
    ['one that leaves the release and comes back', 'conf/l', '../../release/main', 'leads out'],
    ['one that leaves it only because a folder on its way is a link', 'l', 'conf/deep/up/../x', 'leads out'],
    ['one that leads to nothing', 'l', 'conf/none', 'names nothing'],
    ['one that only looks right when `..` is taken away first', 'l', 'none/../main', 'names nothing'],
    ['one that goes through a file', 'l', 'main/../main', 'names nothing'],
    ['one that takes a file for a folder', 'l', 'main/', 'names nothing'],
    ['the manifest', 'l', '.fleet-manifest', 'names nothing'],
    ['itself', 'l', 'l', 'leads back'],
    ['a folder that would be below itself', 'l', 'l/x', 'leads back'],
    ['nothing at all', 'l', '', 'is no plain path'],
    ['a name with a newline', 'l', 'a\nb', 'is no plain path'],
    ['a name with a backslash', 'l', 'a\\b', 'is no plain path'],
  ])('are refused by name when the target is %s', (_, path, target, why) => {
    expect(() => createManifest(tree, [...good, link(path, target)])).toThrow(
      expect.objectContaining({
        code: 'FLEET_RELEASE_BAD_LINK',
        message: expect.stringMatching(new RegExp(`"${path}".*${why}`)) as string,
        remedy: expect.any(String) as string,
      }) as Error,
    )
  })

  it('are refused when they lead to each other', () => {
    expect(() => createManifest([], [link('a', 'b'), link('b', 'c'), link('c', './a')])).toThrow(/leads back to itself/)
    expect(() => createManifest([], [link('d/a', '../e'), link('e', 'd/a/x')])).toThrow(/leads back to itself/)
  })

  it.each([
    ['a file', [file('x')], [link('x', 'y'), link('y', 'x')]],
    ['another link', [file('y')], [link('x', 'y'), link('x', 'y')]],
    ['a folder', [file('x/y')], [link('x', 'x/y')]],
    ['a folder of links', [file('z')], [link('x', 'z'), link('x/y', '../z')]],
  ])('cannot have the name of %s', (_, files, links) => {
    expect(() => createManifest(files, links)).toThrow(
      expect.objectContaining({ code: 'FLEET_RELEASE_DUPLICATE_PATH' }) as Error,
    )
  })

  it('are not followed for ever, however many lead on to the next', () => {
    const chain = (length: number): ReleaseLink[] =>
      Array.from({ length }, (__, index) => link(`l${index}`, index === 0 ? 'main' : `l${index - 1}`))
    expect(createManifest(tree, chain(40)).links).toHaveLength(40)
    expect(() => createManifest(tree, chain(41))).toThrow(/leads back to itself/)
  })
})

const tree = [file('main', { mode: '755' }), file('conf/app.yml'), file('conf/deep/er/x')]
const good = [link('conf/deep/up', '../..'), link('conf/good', '../main'), link('shortcut', 'conf/deep')]

describe('parseManifest', () => {
  it('reads back what was written, whatever the names', () => {
    fc.assert(
      fc.property(files, fc.array(name, { maxLength: 3 }), (list, names) => {
        const links = [...new Set(names)]
          .filter((path) => list.every((found) => found.path !== path))
          .map((path) => link(path, list[0]?.path ?? ''))
        const written = createManifest(list, links)
        expect(parseManifest(written.text)).toEqual(written)
      }),
    )
  })

  const sum = 'ab'.repeat(32)
  it.each([
    ['nothing but a newline', '\n'],
    ['no newline at its end', `644 3 ${sum}  a`],
    ['another mode', `600 3 ${sum}  a\n`],
    ['a size with a sign', `644 -3 ${sum}  a\n`],
    ['a size with a zero before it', `644 03 ${sum}  a\n`],
    ['a size beyond all files', `644 99999999999999999999 ${sum}  a\n`],
    ['a size that no number can hold', `644 9999999999999999 ${sum}  a\n`],
    ['a sum in capitals', `644 3 ${sum.toUpperCase()}  a\n`],
    ['a sum that is short', `644 3 ${sum.slice(1)}  a\n`],
    ['a path that leaves the release', `644 3 ${sum}  ../a\n`],
    ['a carriage return', `644 3 ${sum}  a\r\n`],
    ['a file with a target', `644 3 ${sum}  a\tb\n`],
    ['a link without a target', `link 0 -  a\n`],
    ['a link that leaves the release', `link 0 -  a\t../b\n`],
    ['files in another order', `644 3 ${sum}  b\n644 3 ${sum}  a\n`],
    ['a file twice', `644 3 ${sum}  a\n644 3 ${sum}  a\n`],
    ['what a login shell prints', `Welcome!\n644 3 ${sum}  a\n`],
  ])('refuses a text with %s', (_, text) => {
    expect(() => parseManifest(text)).toThrow(expect.objectContaining({ code: 'FLEET_RELEASE_BAD_MANIFEST' }) as Error)
  })

  it('does not stop at any text at all, and takes none that it would write otherwise', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^(644 1 [0-9a-f]{64} {2}[ab/.]{1,3}\n)+$/)), (text) => {
        try {
          expect(parseManifest(text).text).toBe(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'FLEET_RELEASE_BAD_MANIFEST' })
        }
      }),
    )
  })
})
