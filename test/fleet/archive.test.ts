// What is sent is what any tar unpacks, byte for byte; a file that changes on the way ends the stream.
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  appendFileSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { archive, type ArchiveEntry } from '../../src/fleet/release/archive.ts'
import { isMissing } from '../support/requires-program.ts'
import { bytesOf, entriesOf, type Files } from './release-tree.ts'

const TARS = [
  ['GNU tar', ['tar']],
  ['busybox tar', ['busybox', 'tar']],
] as const

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-archive-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, maxRetries: 5 })
})

const ODD: Files = {
  '-rf': 'looks like an option',
  'with space ': 'x',
  'quo\'te"': 'x',
  '$(reboot)': 'x',
  '*?[a]': 'x',
  'фото/写真 01.jpg': Buffer.from([0, 255, 10, 13]),
  empty: '',
  'deep/empty': '',
  block: 'b'.repeat(512),
  'block+1': 'b'.repeat(513),
  [`${'n'.repeat(99)}é`]: 'the 100th byte is half a character',
  ['1'.repeat(100)]: 'fits exactly',
  ['1'.repeat(101)]: 'does not fit',
  [`${'写'.repeat(60)}/${'真'.repeat(80)}/x`]: 'more than 255 bytes',
  [`${'d'.repeat(200)}/${'e'.repeat(200)}/${'f'.repeat(200)}`]: 'very long',
}

describe.each(TARS)('the archive, unpacked by %s', (name, [program, ...applet]) => {
  const isHere = !isMissing(program, `archives unpacked by ${name}`)

  async function unpack(entries: readonly ArchiveEntry[]): Promise<Map<string, Buffer>> {
    const target = mkdtempSync(join(folder, 'out-'))
    const run = spawnSync(program, [...applet, '-xf', '-', '-C', target], {
      input: await bytesOf(entries),
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    })
    expect(run.stderr).toBe('')
    expect(run.status).toBe(0)
    const found = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    return new Map(
      found.map((entry) => [
        join(entry.parentPath, entry.name).slice(target.length + 1),
        readFileSync(join(entry.parentPath, entry.name)),
      ]),
    )
  }

  function wanted(files: Files): Map<string, Buffer> {
    return new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]))
  }

  it.skipIf(!isHere)('holds odd and long names, empty files and every byte', async () => {
    expect(await unpack(entriesOf(ODD))).toEqual(wanted(ODD))
  })

  it.skipIf(!isHere)('holds any names and contents', async () => {
    const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter(
      (text) =>
        // eslint-disable-next-line no-control-regex
        !/[\u0000-\u001f\u007f\\/]/.test(text) && text !== '.' && text !== '..' && Buffer.byteLength(text) <= 200,
    )
    const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('/'))
    const contents = fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(fc.dictionary(path, contents, { minKeys: 1, maxKeys: 5 }), async (files) => {
        const paths = Object.keys(files)
        fc.pre(!paths.some((one) => paths.some((other) => other.startsWith(`${one}/`))))
        expect(await unpack(entriesOf(files))).toEqual(wanted(files))
      }),
      { numRuns: 15 },
    )
  })

  it.skipIf(!isHere)('holds a file of 9 MB that is read while it is sent, and keeps the bit to execute', async () => {
    const bytes = Buffer.alloc(9_000_001, 'fleet')
    const file = join(folder, 'big')
    writeFileSync(file, bytes)
    const target = join(folder, 'target')
    mkdirSync(target)
    const stream = await bytesOf([
      { path: 'bin/big', mode: 0o555, sizeBytes: bytes.length, content: { file } },
      { path: 'after', mode: 0o444, sizeBytes: 1, content: Buffer.from('x') },
    ])
    expect(spawnSync(program, [...applet, '-xf', '-', '-C', target], { input: stream }).status).toBe(0)
    expect(readFileSync(join(target, 'bin/big')).equals(bytes)).toBe(true)
    expect(statSync(join(target, 'bin/big')).mode & 0o700).toBe(0o500)
    expect(statSync(join(target, 'after')).mode & 0o700).toBe(0o400)
  })
})

describe('the archive', () => {
  it('tells the size of a file beyond 8 GiB in the form that GNU tar and busybox read', async () => {
    const sizeBytes = 2 ** 33 + 5
    const [header] = await Promise.all([
      archive([{ path: 'huge', mode: 0o444, sizeBytes, content: Buffer.alloc(0) }]).next(),
    ])
    const listed = spawnSync('tar', ['-tvf', '-'], { input: header.value as Buffer, encoding: 'utf8' })
    expect(listed.stdout).toContain(` ${sizeBytes} `)
  })

  it.each<[string, (file: string) => void]>([
    ['grows', (file) => appendFileSync(file, 'more')],
    ['shrinks', (file) => truncateSync(file, 5)],
    ['is emptied', (file) => truncateSync(file, 0)],
    ['vanishes', (file) => rmSync(file)],
  ])('ends with an error when a file %s after it was hashed', async (_, change) => {
    const file = join(folder, 'file')
    writeFileSync(file, 'x'.repeat(100_000))
    change(file)
    await expect(bytesOf([{ path: 'a', mode: 0o444, sizeBytes: 100_000, content: { file } }])).rejects.toMatchObject({
      code: 'FLEET_RELEASE_CHANGED',
      retryable: true,
      message: expect.stringContaining(file) as string,
    })
  })

  it('ends with an error when a file grows while it is being sent', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, Buffer.alloc(3 << 20))
    const stream = archive([{ path: 'a', mode: 0o444, sizeBytes: 3 << 20, content: { file } }])
    await stream.next()
    appendFileSync(file, 'more')
    await expect(
      (async () => {
        let done = false
        while (!done) done = (await stream.next()).done === true
      })(),
    ).rejects.toMatchObject({ code: 'FLEET_RELEASE_CHANGED' })
  })
})
