// A pack is made once for all who want the same, in bounded memory, and nothing of it stays behind.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { archive } from '../../../src/fleet/push/archive.ts'
import type { Compression, Pack, PackMember } from '../../../src/fleet/push/pack.ts'
import { createPacks, type Packs } from '../../../src/fleet/push/packs.ts'
import { isMissing } from '../../support/requires-program.ts'

const WAYS = ['none', 'gzip', 'zstd'] as const
/** In these tests, so that a few MB are much. */
const MEMORY_BYTES = 1 << 20

const canMount =
  process.getuid?.() === 0 &&
  spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs none "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s'])
    .status === 0
if (!canMount) process.stderr.write('SKIPPED a full disk for packs: only root can mount a small file system\n')

let folder: string
let packs: Packs

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-packs-'))
  packs = createPacks({ folder: spoolFolder(), memoryBytes: MEMORY_BYTES })
})
afterEach(async () => {
  await packs.close()
  expect(existsSync(spoolFolder()) ? readdirSync(spoolFolder()) : []).toEqual([])
  rmSync(folder, { recursive: true, maxRetries: 5 })
})

describe.each(WAYS)('a pack compressed by %s', (compression) => {
  const isHere = compression === 'none' || !isMissing(compression, `packs unpacked by ${compression}`)

  it.skipIf(!isHere).each([
    ['small, in memory', 100_000],
    ['too large for memory', 3_000_000],
  ])('is the archive of its members: %s', async (_, sizeBytes) => {
    const members = [fileMember('file', randomBytes(sizeBytes / 2).toString('hex')), text('text', 'fleet')]
    const pack = await packs.pack(members, compression)
    const sent = await bytesOf(pack)
    expect(pack).toMatchObject({ compression, contentBytes: sizeBytes + 5, sizeBytes: sent.length })
    expect(unpacked(sent, compression).equals(await archived(members))).toBe(true)
  })

  it('is made once for fifty that ask at once, and for those who ask later', async () => {
    const members = (): PackMember[] => [text('a', 'x'.repeat(1000)), { path: 'link', linkTo: 'a' }]
    const asked = await Promise.all(Array.from({ length: 50 }, () => packs.pack(members(), compression)))
    asked.push(await packs.pack(members(), compression))
    expect(new Set(asked).size).toBe(1)
    expect(packs.isMade(members(), compression)).toBe(true)
  })

  it('gives every reader all of it, side by side', async () => {
    const members = [fileMember('file', randomBytes(1_500_000).toString('hex'))]
    const pack = await packs.pack(members, compression)
    const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => bytesOf(pack)))
    for (const other of others) expect(first?.equals(other)).toBe(true)
  })

  it.each([1000, 3_000_000])(
    'cannot be had of a file of %i bytes that changed, and can when it is as it was',
    async (sizeBytes) => {
      const member = fileMember('file', 'x'.repeat(sizeBytes))
      truncateSync(join(folder, 'file'), sizeBytes - 1)
      const attempt = async (): Promise<Buffer> => bytesOf(await packs.pack([member], compression))
      await expect(Promise.all([attempt(), attempt()])).rejects.toMatchObject({ code: 'FLEET_RELEASE_CHANGED' })
      writeFileSync(join(folder, 'file'), 'x'.repeat(sizeBytes))
      expect(unpacked(await attempt(), compression).equals(await archived([member]))).toBe(true)
    },
  )
})

describe('packs', () => {
  it('are different ones when anything about their members differs', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, 'abc')
    const variants: PackMember[][] = [
      [],
      [text('a', 'abc')],
      [text('b', 'abc')],
      [text('a', 'abd')],
      [{ ...text('a', 'abc'), mode: 0o555 }],
      [{ path: 'a', mode: 0o444, sizeBytes: 3, content: { file } }],
      [{ path: 'a', mode: 0o444, sizeBytes: 2, content: { file, fromByte: 1 } }],
      [{ path: 'a', linkTo: 'abc' }],
      [text('a', 'abc'), text('b', '')],
      [text('b', ''), text('a', 'abc')],
    ]
    const made = await Promise.all(variants.map((members) => packs.pack(members, 'none')))
    expect(new Set(made).size).toBe(variants.length)
  })

  it('share the same bytes between their readers while they are in memory', async () => {
    const pack = await packs.pack([text('a', 'abc')], 'none')
    expect(pack.open()).toBe(pack.open())
  })

  it('keep no more in memory than they may, however many there are', async () => {
    const size = 400_000
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, index) => packs.pack([fileMember(`file-${index}`, 'x'.repeat(size))], 'none')),
    )
    expect(made.filter((pack) => Buffer.isBuffer(pack.open()))).toHaveLength(Math.floor(MEMORY_BYTES / size))
    for (const pack of made) expect((await bytesOf(pack)).length).toBe(pack.sizeBytes)
  })

  it('give the memory of one that failed to others', async () => {
    const missing: PackMember = {
      path: 'a',
      mode: 0o444,
      sizeBytes: 900_000,
      content: { file: join(folder, 'missing') },
    }
    for (const compression of WAYS)
      await expect(packs.pack([missing], compression)).rejects.toMatchObject({ code: 'FLEET_RELEASE_CHANGED' })
    const pack = await packs.pack([fileMember('file', 'x'.repeat(900_000))], 'none')
    expect(Buffer.isBuffer(pack.open())).toBe(true)
  })

  it('lie in a folder that only we can read, as files without a name', async () => {
    const pack = await packs.pack([fileMember('file', randomBytes(3_000_000).toString('hex'))], 'zstd')
    expect(statSync(spoolFolder()).mode & 0o777).toBe(0o700)
    expect(readdirSync(spoolFolder())).toEqual([])
    expect((await bytesOf(pack)).length).toBe(pack.sizeBytes)
  })

  it('need no folder before there is something to put there', async () => {
    await packs.pack([text('a', 'abc')], 'zstd')
    expect(existsSync(spoolFolder())).toBe(false)
  })

  it('remove what a run that was killed has left, and nothing else', async () => {
    await packs.pack([fileMember('file', 'x'.repeat(3_000_000))], 'gzip')
    writeFileSync(join(spoolFolder(), 'fleet-pack-00000000-0000-4000-8000-000000000000'), '')
    writeFileSync(join(spoolFolder(), 'mine'), '')
    await packs.pack([fileMember('other', 'y'.repeat(3_000_000))], 'gzip')
    expect(readdirSync(spoolFolder())).toEqual(['mine'])
    rmSync(join(spoolFolder(), 'mine'))
  })

  it('say so when they cannot be written, and can be had when that is mended', async () => {
    writeFileSync(join(folder, 'taken'), '')
    const here = createPacks({ folder: join(folder, 'taken'), memoryBytes: 0 })
    const members = [text('a', 'abc')]
    await expect(here.pack(members, 'gzip')).rejects.toMatchObject({
      code: 'FLEET_RELEASE_SPOOL',
      message: expect.stringContaining(join(folder, 'taken')) as string,
    })
    rmSync(join(folder, 'taken'))
    expect((await here.pack(members, 'gzip')).sizeBytes).toBeGreaterThan(0)
    await here.close()
  })

  it.skipIf(!canMount)('say so when the disk is full, and keep nothing of what was written', async () => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk]).status).toBe(0)
    const here = createPacks({ folder: disk, memoryBytes: 0 })
    try {
      await expect(here.pack([fileMember('file', randomBytes(5_000_000))], 'zstd')).rejects.toMatchObject({
        code: 'FLEET_RELEASE_SPOOL',
        message: expect.stringContaining('ENOSPC') as string,
      })
      const { bavail, bsize } = statfsSync(disk)
      expect(bavail * bsize).toBe(1 << 20)
    } finally {
      await here.close()
      expect(spawnSync('umount', [disk]).status).toBe(0)
    }
  })

  it('can be closed twice, and while one is being made', async () => {
    const making = packs.pack([fileMember('file', randomBytes(10_000_000).toString('hex'))], 'zstd')
    const outcome = expect(making).rejects.toMatchObject({ code: 'FLEET_SSH_ABORTED' })
    await Promise.all([packs.close(), packs.close()])
    await outcome
    await expect(packs.pack([text('a', 'abc')], 'none')).rejects.toMatchObject({ code: 'FLEET_SSH_ABORTED' })
  })
})

describe('the estimate of how well members compress', () => {
  it('weighs files by their size', async () => {
    const noise = fileMember('noise', randomBytes(9_000_000))
    const zeros = fileMember('zeros', Buffer.alloc(1_000_000))
    expect(await packs.estimateRatio([noise])).toBeGreaterThan(0.99)
    expect(await packs.estimateRatio([zeros])).toBeLessThan(0.01)
    const both = await packs.estimateRatio([zeros, noise, { path: 'link', linkTo: 'noise' }])
    expect(both).toBeGreaterThan(0.85)
    expect(both).toBeLessThan(0.95)
  })

  it('looks at many small files as at a large one', async () => {
    const members = Array.from({ length: 300 }, (_, index) =>
      index % 2 === 0 ? fileMember(`file-${index}`, randomBytes(20_000)) : text(`text-${index}`, 'x'.repeat(20_000)),
    )
    expect(await packs.estimateRatio(members)).toBeGreaterThan(0.4)
    expect(await packs.estimateRatio(members)).toBeLessThan(0.6)
  })

  it('expects nothing of nothing', async () => {
    expect(await packs.estimateRatio([])).toBe(1)
    expect(await packs.estimateRatio([text('empty', ''), { path: 'link', linkTo: 'empty' }])).toBe(1)
  })

  it('says so when a file is not there any more', async () => {
    const member = fileMember('file', 'x'.repeat(100_000))
    truncateSync(join(folder, 'file'), 10)
    await expect(packs.estimateRatio([member])).rejects.toMatchObject({ code: 'FLEET_RELEASE_CHANGED' })
    rmSync(join(folder, 'file'))
    await expect(packs.estimateRatio([member])).rejects.toMatchObject({ code: 'FLEET_RELEASE_CHANGED' })
  })

  it('takes samples from the rest of a file that is meant', async () => {
    const bytes = Buffer.concat([Buffer.alloc(2_000_000), randomBytes(1_000_000)])
    fileMember('file', bytes)
    const rest: PackMember = {
      path: 'rest/0',
      mode: 0o444,
      sizeBytes: 1_000_000,
      content: { file: join(folder, 'file'), fromByte: 2_000_000 },
    }
    const { content } = await packs.takeSample([rest], 'zstd', 4 << 20)
    expect(content.equals(bytes.subarray(2_000_000))).toBe(true)
    expect(await packs.estimateRatio([rest])).toBeGreaterThan(0.99)
  })

  it('takes a sample of the size that was asked for', async () => {
    const members = [
      fileMember('a', randomBytes(700_001)),
      text('b', 'x'.repeat(3000)),
      fileMember('c', randomBytes(900_000)),
    ]
    for (const sizeBytes of [1, 65_535, 65_536, 65_537, 500_000, 1_603_001])
      expect((await packs.takeSample(members, 'gzip', sizeBytes)).content.length).toBe(sizeBytes)
    expect((await packs.takeSample(members, 'gzip', 5_000_000)).content.length).toBe(1_603_001)
  })
})

function spoolFolder(): string {
  return join(folder, 'spool', 'packs')
}

function text(path: string, content: string): PackMember {
  const bytes = Buffer.from(content)
  return { path, mode: 0o444, sizeBytes: bytes.length, content: bytes }
}

function fileMember(path: string, content: string | Buffer): PackMember {
  const file = join(folder, path)
  writeFileSync(file, content)
  chmodSync(file, 0o600)
  return { path, mode: 0o444, sizeBytes: content.length, content: { file } }
}

async function bytesOf(pack: Pack): Promise<Buffer> {
  const opened = pack.open()
  return Buffer.isBuffer(opened) ? opened : buffer(opened)
}

async function archived(members: Iterable<PackMember>): Promise<Buffer> {
  return Buffer.concat((await Readable.from(archive(members)).toArray()) as Buffer[])
}

/** By the programs that nodes have. */
function unpacked(bytes: Buffer, compression: Compression): Buffer {
  if (compression === 'none') return bytes
  const run = spawnSync(compression, ['-dc'], { input: bytes, maxBuffer: 1 << 28 })
  expect(run.stderr.toString()).toBe('')
  return run.stdout
}
