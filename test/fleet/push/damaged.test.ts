// What happens to a release on its node after it was verified: found by the next push and mended, with no more sent than was damaged.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unfinished } from '../local-node.ts'
import { expectInUse, kit, openPushBench, type PushBench } from './push-bench.ts'
import { treeOf } from './trees.ts'

const release = treeOf(
  {
    'bin/main': randomBytes(200_000),
    'conf/app.yml': 'a: 1\n',
    'conf/ leading $(x) "quoted"': 'odd',
    empty: '',
    'lib/data': randomBytes(500_000),
  },
  { executable: ['bin/main'], links: { 'lib/current': 'data', main: 'bin/main' } },
)

let bench: PushBench

// One node for all: each test leaves the release whole, which is what it is about.
beforeAll(async () => {
  bench = openPushBench()
  await bench.push(release)
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const place = (path: string): string => join(bench.node.folder, 'releases', release.manifest.digest, path)

/** Changes what is read-only, as its owner may. */
function within(path: string, change: (file: string) => void): void {
  const folder = dirname(place(path))
  const modes = [folder, place(path)].map((each) => [each, modeOf(each)] as const)
  for (const [each, mode] of modes) if (mode !== undefined) chmodSync(each, mode | 0o200)
  change(place(path))
  for (const [each, mode] of modes) if (mode !== undefined && modeOf(each) !== undefined) chmodSync(each, mode)
}

function modeOf(path: string): number | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats === undefined || stats.isSymbolicLink() ? undefined : stats.mode & 0o777
}

function flipBit(file: string): void {
  const bytes = readFileSync(file)
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.from([(bytes[1000] ?? 0) ^ 1]), 0, 1, 1000)
  closeSync(descriptor)
}

/** Behind everyone's back: size, time, mode and inode stay. */
function flipQuietly(): void {
  const file = place('lib/data')
  withTimeOf(file, () => {
    chmodSync(file, 0o644)
    flipBit(file)
    chmodSync(file, 0o444)
  })
}

/** To the nanosecond, which no function of node:fs can. */
function withTimeOf(file: string, change: () => void): void {
  const reference = join(bench.node.home, 'time')
  for (const [from, to] of [
    [file, reference],
    [reference, file],
  ] as const) {
    if (from === reference) change()
    else writeFileSync(reference, '')
    expect(spawnSync('touch', ['-r', from, to]).status).toBe(0)
  }
}

const damages: Readonly<Record<string, () => void>> = {
  'a longer file': () => {
    within('conf/app.yml', (file) => {
      appendFileSync(file, 'b: 2\n')
    })
  },
  'a shorter file': () => {
    within('lib/data', (file) => {
      writeFileSync(file, 'cut')
    })
  },
  'a file of the same length with another content': () => {
    within('conf/app.yml', (file) => {
      writeFileSync(file, 'a: 2\n')
    })
  },
  'a deleted file': () => {
    within('conf/ leading $(x) "quoted"', unlinkSync)
  },
  'a deleted folder': () => {
    const folder = place('conf')
    chmodSync(folder, 0o755)
    chmodSync(dirname(folder), 0o755)
    rmSync(folder, { recursive: true })
    chmodSync(dirname(folder), 0o555)
  },
  'a file that may be executed no more': () => {
    chmodSync(place('bin/main'), 0o444)
  },
  'a file that may be executed now': () => {
    chmodSync(place('empty'), 0o555)
  },
  'a file too many': () => {
    within('conf/extra', (file) => {
      writeFileSync(file, 'x')
    })
  },
  'a folder too many with a file': () => {
    within('new', (file) => {
      mkdirSync(file)
      writeFileSync(join(file, 'x'), '')
    })
  },
  'a link that leads elsewhere': () => {
    within('main', (file) => {
      unlinkSync(file)
      symlinkSync('conf/app.yml', file)
    })
  },
  'a file instead of a link': () => {
    within('lib/current', (file) => {
      unlinkSync(file)
      writeFileSync(file, 'data')
    })
  },
  'a link instead of a file': () => {
    within('conf/app.yml', (file) => {
      unlinkSync(file)
      symlinkSync('/etc/hostname', file)
    })
  },
  'a folder instead of a file': () => {
    within('empty', (file) => {
      unlinkSync(file)
      mkdirSync(file)
    })
  },
}

describe('a push of what is there already', () => {
  it.each(Object.keys(damages))('finds and mends %s', async (name) => {
    damages[name]?.()
    const mended = await bench.push(release)
    expect(mended.outcome).toBe('mended')
    expect(mended.cost.commands).toEqual(['inspect', 'verify', 'receive'])
    expectInUse(bench.node, release)
    expect(unfinished(bench.node.folder)).toEqual([])
    expect(await bench.push(release)).toMatchObject({ outcome: 'unchanged', cost: { commands: ['inspect'] } })
  })

  it('sends only what was damaged', async () => {
    damages['a longer file']?.()
    expect((await bench.push(release)).sentBytes).toBeLessThan(20_000)
  })

  it('looks closer when just the time or the inode of a file changed, and then trusts it again', async () => {
    utimesSync(place('lib/data'), 1, 1)
    expect(await bench.push(release)).toMatchObject({
      outcome: 'unchanged',
      cost: { commands: ['inspect', 'verify'], bytes: 0 },
    })
    expect(await bench.push(release)).toMatchObject({ outcome: 'unchanged', cost: { commands: ['inspect'] } })
    within('lib/data', (file) => {
      const { mode } = statSync(file)
      withTimeOf(file, () => {
        copyFileSync(file, `${file}.copy`)
        renameSync(`${file}.copy`, file)
        chmodSync(file, mode & 0o777)
      })
    })
    expect(await bench.push(release)).toMatchObject({
      outcome: 'unchanged',
      cost: { commands: ['inspect', 'verify'], bytes: 0 },
    })
    expect(await bench.push(release)).toMatchObject({ outcome: 'unchanged', cost: { commands: ['inspect'] } })
  })

  it('trusts what looks untouched, and finds a flipped bit when it is asked to verify', async () => {
    flipQuietly()
    expect(await bench.push(release)).toMatchObject({ outcome: 'unchanged', cost: { commands: ['inspect'] } })
    const mended = await bench.push(release, { verify: true })
    expect(mended.outcome).toBe('mended')
    expect(mended.sentBytes).toBeGreaterThan(500_000)
    expectInUse(bench.node, release)
    expect(await bench.push(release, { verify: true })).toMatchObject({ outcome: 'unchanged', sentBytes: 0 })
    expect(await bench.push(release)).toMatchObject({ outcome: 'unchanged', cost: { commands: ['inspect'] } })
  })

  it('mends the kit as well, and says nothing of what stays in use', async () => {
    const program = join(bench.node.folder, 'kit', kit.manifest.digest, 'keep.sh')
    chmodSync(program, 0o755)
    appendFileSync(program, 'echo broken\n')
    expect(await bench.push(release)).toMatchObject({ outcome: 'mended' })
    expect(readFileSync(program, 'utf8')).not.toContain('broken')
    expect(await bench.push(release)).toMatchObject({ outcome: 'unchanged' })
  })

  it('does not spread damage: a damaged file of an older release reaches no newer one, and is not written to', async () => {
    flipQuietly()
    const damaged = readFileSync(place('lib/data'))
    const next = treeOf({ 'lib/data': release.contentOf('lib/data') as Buffer, other: 'other' })
    const pushed = await bench.push(next)
    expect(pushed.outcome).toBe('pushed')
    expect(pushed.cost.commands).toContain('receive')
    expectInUse(bench.node, next)
    expect(readFileSync(place('lib/data')).equals(damaged)).toBe(true)
  })
})
