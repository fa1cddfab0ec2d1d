// The digest names what is in a release: nothing else, and all of it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createManifest, type ReleaseFile } from '../../src/fleet/release/manifest.ts'

const file = (path: string, change: Partial<ReleaseFile> = {}): ReleaseFile => ({
  path,
  mode: '644',
  sizeBytes: 3,
  sha256: 'ab'.repeat(32),
  ...change,
})

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
