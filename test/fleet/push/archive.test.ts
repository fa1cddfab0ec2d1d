// What is sent is what any tar unpacks, byte for byte; a file that changes on the way ends the stream.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { archive, sizeOfArchive } from '../../../src/fleet/push/archive.ts'
import type { PackMember } from '../../../src/fleet/push/pack.ts'
import { isMissing } from '../../support/requires-program.ts'

type Files = Readonly<Record<string, string | Buffer>>

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

  async function unpack(entries: readonly PackMember[]): Promise<Map<string, Buffer>> {
    const target = mkdtempSync(join(folder, 'out-'))
    const run = spawnSync(program, [...applet, '-xf', '-', '-C', target], {
      input: await concatenated(entries),
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
    expect(await unpack(membersOf(ODD))).toEqual(wanted(ODD))
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
        expect(await unpack(membersOf(files))).toEqual(wanted(files))
      }),
      { numRuns: 15 },
    )
  })

  it.skipIf(!isHere)('holds symbolic links with names and targets of any length', async () => {
    const links = [
      ['plain', 'main'],
      ['deep/link', '../bin/main -rf'],
      ['100', 't'.repeat(100)],
      ['101', 't'.repeat(101)],
      [`${'n'.repeat(150)}/link`, `${'写'.repeat(60)}/${'真'.repeat(80)}/x`],
      [`${'n'.repeat(150)}/short`, 'x'],
    ] as const
    const target = mkdtempSync(join(folder, 'out-'))
    const stream = await concatenated([
      ...links.map(([path, linkTo]) => ({ path, linkTo })),
      { path: 'after', mode: 0o444, sizeBytes: 1, content: Buffer.from('x') },
    ])
    expect(spawnSync(program, [...applet, '-xf', '-', '-C', target], { input: stream }).status).toBe(0)
    for (const [path, linkTo] of links) expect(readlinkSync(join(target, path))).toBe(linkTo)
    expect(lstatSync(join(target, 'after')).isFile()).toBe(true)
  })

  it.skipIf(!isHere)('holds a file from any byte to its end', async () => {
    const bytes = randomBytes(300_000)
    const file = join(folder, 'file')
    writeFileSync(file, bytes)
    const starts = [0, 1, 511, 250_000, 299_999, 300_000]
    const target = mkdtempSync(join(folder, 'out-'))
    const stream = await concatenated(
      starts.map((fromByte) => ({
        path: String(fromByte),
        mode: 0o444,
        sizeBytes: bytes.length - fromByte,
        content: { file, fromByte },
      })),
    )
    expect(spawnSync(program, [...applet, '-xf', '-', '-C', target], { input: stream }).status).toBe(0)
    for (const start of starts)
      expect(readFileSync(join(target, String(start))).equals(bytes.subarray(start))).toBe(true)
  })

  it.skipIf(!isHere)('holds a file of 9 MB that is read while it is sent, and keeps the bit to execute', async () => {
    const bytes = Buffer.alloc(9_000_001, 'fleet')
    const file = join(folder, 'big')
    writeFileSync(file, bytes)
    const target = join(folder, 'target')
    mkdirSync(target)
    const stream = await concatenated([
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
  const small = (path: string): PackMember => ({ path, mode: 0o444, sizeBytes: 900, content: Buffer.alloc(900, path) })

  it('tells the size of a file beyond 8 GiB in the form that GNU tar and busybox read', async () => {
    const file = join(folder, 'huge')
    writeFileSync(file, '')
    const sizeBytes = 2 ** 33 + 5
    truncateSync(file, sizeBytes)
    const stream = archive([{ path: 'huge', mode: 0o444, sizeBytes, content: { file } }])
    const beginning = await stream.next()
    await stream.return(undefined)
    const listed = spawnSync('tar', ['-tvf', '-'], { input: beginning.value as Buffer, encoding: 'utf8' })
    expect(listed.stdout).toContain(` ${sizeBytes} `)
  })

  it('is as long as was said before anything was read, and comes in full chunks', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, Buffer.alloc(700_001, 'x'))
    const members: PackMember[] = [
      ...membersOf(ODD),
      ...Array.from({ length: 200 }, (_, index) => small(`small/${index}`)),
      { path: 'big', mode: 0o555, sizeBytes: 700_001, content: { file } },
      { path: 'link', linkTo: '写'.repeat(80) },
    ]
    const chunks = await chunksOf(members)
    expect(Buffer.concat(chunks).length).toBe(sizeOfArchive(members))
    expect(new Set(chunks.slice(0, -1).map((chunk) => chunk.length))).toEqual(new Set([128 * 1024]))
    const whole = await Readable.from(archive(members, sizeOfArchive(members))).toArray()
    expect(whole).toEqual([Buffer.concat(chunks)])
  })

  it('is the same whatever the size of its chunks', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, randomBytes(3000))
    const members: PackMember[] = [
      small('a'),
      { path: 'b', mode: 0o444, sizeBytes: 3000, content: { file } },
      { path: 'c', linkTo: 'b' },
      { path: 'd', mode: 0o444, sizeBytes: 100, content: { file, fromByte: 2900 } },
    ]
    const whole = Buffer.concat(await chunksOf(members))
    for (const chunkBytes of [1, 511, 512, 513, 1000, 3000, 4096]) {
      expect(Buffer.concat((await Readable.from(archive(members, chunkBytes)).toArray()) as Buffer[])).toEqual(whole)
    }
  })

  it('of nothing is an archive', async () => {
    expect(spawnSync('tar', ['-tf', '-'], { input: Buffer.concat(await chunksOf([])) }).status).toBe(0)
  })

  it('ends with an error when a pipe has taken the place of a file, and does not wait for its writer', async () => {
    const file = join(folder, 'pipe')
    expect(spawnSync('mkfifo', [file]).status).toBe(0)
    for (const sizeBytes of [10, 100_000]) {
      await expect(chunksOf([{ path: 'a', mode: 0o444, sizeBytes, content: { file } }])).rejects.toMatchObject({
        code: 'FLEET_RELEASE_CHANGED',
      })
    }
  })

  it('leaves no file open when its reader stops early', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, Buffer.alloc(3 << 20))
    const stream = archive([{ path: 'a', mode: 0o444, sizeBytes: 3 << 20, content: { file } }])
    await stream.next()
    expect(openFiles()).toContain(file)
    await stream.return(undefined)
    expect(openFiles()).not.toContain(file)
  })

  it.each([50, 50_000, 500_000])(
    'ends with an error when a file of %i bytes is longer than its entry says',
    async (sizeBytes) => {
      const file = join(folder, 'file')
      writeFileSync(file, Buffer.alloc(sizeBytes + 1))
      await expect(chunksOf([{ path: 'a', mode: 0o444, sizeBytes, content: { file } }])).rejects.toMatchObject({
        code: 'FLEET_RELEASE_CHANGED',
      })
    },
  )

  it.each<[string, (file: string) => void]>([
    ['grows', (file) => appendFileSync(file, 'more')],
    ['shrinks', (file) => truncateSync(file, 5)],
    ['is emptied', (file) => truncateSync(file, 0)],
    ['vanishes', (file) => rmSync(file)],
  ])('ends with an error when a file %s after it was hashed', async (_, change) => {
    const file = join(folder, 'file')
    writeFileSync(file, 'x'.repeat(100_000))
    change(file)
    await expect(
      concatenated([{ path: 'a', mode: 0o444, sizeBytes: 100_000, content: { file } }]),
    ).rejects.toMatchObject({
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

function membersOf(files: Files): PackMember[] {
  return Object.entries(files).map(([path, content]) => {
    const bytes = Buffer.from(content)
    return { path, mode: 0o444, sizeBytes: bytes.length, content: bytes }
  })
}

async function chunksOf(members: Iterable<PackMember>): Promise<Buffer[]> {
  return (await Readable.from(archive(members)).toArray()) as Buffer[]
}

async function concatenated(members: Iterable<PackMember>): Promise<Buffer> {
  return Buffer.concat(await chunksOf(members))
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)]
    } catch {
      return []
    }
  })
}
