// A release is built from what is really on the disk, and refuses what could not be the same on a node.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildRelease } from '../../src/fleet/index.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-build-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function write(path: string, content = path, mode = 0o644): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  chmodSync(file, mode)
}

async function refusal(items: readonly string[]): Promise<unknown> {
  return buildRelease(folder, items).then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('buildRelease', () => {
  it('places each item under its last segment, folders with everything in them', async () => {
    write('build/main', 'x', 0o755)
    write('conf/app.yml')
    write('conf/deep/er/key.txt')
    write('conf/.hidden')
    mkdirSync(join(folder, 'conf/empty'))
    const { manifest, sources } = await buildRelease(folder, ['build/main', 'conf/'])
    expect(manifest.files.map(({ path, mode, sizeBytes }) => `${mode} ${sizeBytes} ${path}`)).toEqual([
      '644 12 conf/.hidden',
      '644 12 conf/app.yml',
      '644 20 conf/deep/er/key.txt',
      '755 1 main',
    ])
    expect(sources.get('main')).toBe(join(folder, 'build/main'))
  })

  it('keeps of a mode only whether its owner may execute it', async () => {
    const modes = { a: 0o600, b: 0o777, c: 0o655, d: 0o500, e: 0o4711 }
    for (const [name, mode] of Object.entries(modes)) write(name, '', mode)
    const { manifest } = await buildRelease(folder, Object.keys(modes))
    expect(Object.fromEntries(manifest.files.map(({ path, mode }) => [path, mode]))).toEqual({
      a: '644',
      b: '755',
      c: '644',
      d: '755',
      e: '755',
    })
  })

  it('has the same digest wherever and whenever it is built', async () => {
    write('one/app/a', 'a')
    write('one/app/b', 'b', 0o755)
    write('two/app/b', 'b', 0o711)
    write('two/app/a', 'a')
    const digests = await Promise.all(
      ['one/app', 'two/app'].map(async (item) => (await buildRelease(folder, [item])).manifest.digest),
    )
    expect(digests[0]).toBe(digests[1])
  })

  it('refuses what is neither a file nor a folder nor a link, by name and kind', async () => {
    spawnSync('mkfifo', [join(folder, 'pipe')])
    expect(await refusal(['pipe'])).toMatchObject({
      code: 'FLEET_RELEASE_BAD_FILE',
      message: `${join(folder, 'pipe')} is a named pipe`,
    })
    mkdirSync(join(folder, 'conf'))
    const server = createServer().listen(join(folder, 'conf/sock'))
    await once(server, 'listening')
    expect(await refusal(['conf'])).toMatchObject({ message: `${join(folder, 'conf/sock')} is a socket` })
    server.close()
    expect(await refusal(['/dev/null'])).toMatchObject({ message: '/dev/null is a device' })
  })

  it('names the item that is missing, as it was written', async () => {
    expect(await refusal(['./build/main'])).toMatchObject({
      code: 'FLEET_RELEASE_UNREADABLE',
      message: expect.stringContaining('"./build/main"') as string,
    })
  })

  it('names the item that cannot be read', async () => {
    // Regular, and readable by its mode, but reading it fails for everybody.
    await expect(buildRelease('/proc/self', ['mem'])).rejects.toMatchObject({
      code: 'FLEET_RELEASE_UNREADABLE',
      message: expect.stringContaining('"mem"') as string,
    })
  })

  it('names the two that would have one name', async () => {
    write('a/run.sh')
    write('b/run.sh')
    expect(await refusal(['a/run.sh', 'b/run.sh'])).toMatchObject({
      message: `${join(folder, 'a/run.sh')} and ${join(folder, 'b/run.sh')} would both be "run.sh" in the release`,
    })
  })

  it('takes a file once that two items name', async () => {
    write('build/main')
    write('build/x.bin')
    const { manifest } = await buildRelease(folder, ['build/main', './build//main', 'build/*', 'build/*.bin'])
    expect(manifest.files.map(({ path }) => path)).toEqual(['main', 'x.bin'])
  })

  it('refuses two items that would have one name', async () => {
    write('a/run.sh')
    write('b/run.sh')
    write('c/run.sh/inner')
    expect(await refusal(['a/run.sh', 'b/run.sh'])).toMatchObject({ code: 'FLEET_RELEASE_DUPLICATE_PATH' })
    expect(await refusal(['a/run.sh', 'c/run.sh'])).toMatchObject({ code: 'FLEET_RELEASE_DUPLICATE_PATH' })
  })

  it('refuses a release without files', async () => {
    mkdirSync(join(folder, 'empty/er'), { recursive: true })
    expect(await refusal([])).toMatchObject({ code: 'FLEET_RELEASE_EMPTY' })
    expect(await refusal(['empty'])).toMatchObject({
      code: 'FLEET_RELEASE_EMPTY',
      message: 'there are no files in empty',
    })
  })

  it('refuses a name that could not travel', async () => {
    write('conf/a\nb')
    expect(await refusal(['conf'])).toMatchObject({ code: 'FLEET_RELEASE_BAD_PATH' })
  })

  it('refuses a name that is not UTF-8, and says in which folder', async () => {
    mkdirSync(join(folder, 'conf'))
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/conf/`), Buffer.from([0x61, 0xff])]), '')
    expect(await refusal(['conf'])).toMatchObject({
      code: 'FLEET_RELEASE_BAD_PATH',
      message: `"${join(folder, 'conf/a\ufffd')}" has a name that is not UTF-8`,
    })
    expect(await refusal(['conf/*'])).toMatchObject({ code: 'FLEET_RELEASE_BAD_PATH' })
    write('conf/b.txt')
    expect((await buildRelease(folder, ['conf/*.txt'])).manifest.files).toHaveLength(1)
    write('conf/.fleetignore', 'a?')
    expect((await buildRelease(folder, ['conf'])).manifest.files).toHaveLength(1)
  })

  it('gives the same digest whatever umask, times and order its files were made with', async () => {
    const names = ['b', 'a', 'Z', 'ä', '\u{1f600}', '\uffee', 'a-b', 'a/b'.replace('/', '_')]
    const digests = await Promise.all(
      ['one', 'two'].map(async (place, index) => {
        for (const name of index === 0 ? names : names.toReversed())
          write(`${place}/app/${name}`, name, index === 0 ? 0o644 : 0o600)
        if (index === 1) utimesSync(join(folder, place, 'app/a'), 1, 1)
        return (await buildRelease(join(folder, place), ['app'])).manifest.digest
      }),
    )
    expect(digests[0]).toBe(digests[1])
  })

  it('hashes every byte, also of files larger than a chunk and of just that size', async () => {
    const contents = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 * (1 << 20), 5_000_000].map((length) =>
      randomBytes(length),
    )
    for (const [index, content] of contents.entries()) writeFileSync(join(folder, `f${index}`), content)
    const { manifest } = await buildRelease(folder, ['f*'])
    expect(manifest.files.map(({ sizeBytes, sha256 }) => [sizeBytes, sha256])).toEqual(
      contents.map((content) => [content.length, createHash('sha256').update(content).digest('hex')]),
    )
  })

  it('refuses a file that somebody writes while it is read', async () => {
    const file = join(folder, 'log')
    writeFileSync(file, Buffer.alloc(64 << 20))
    const writer = spawn('sh', ['-c', 'echo ready; while :; do printf x >> "$0" || exit; done', file])
    try {
      await once(writer.stdout, 'data')
      expect(await refusal(['log'])).toMatchObject({
        code: 'FLEET_RELEASE_CHANGED',
        message: `${file} changed while it was being read`,
        retryable: true,
      })
    } finally {
      writer.kill('SIGKILL')
      await once(writer, 'close')
    }
  })

  it('reads no more of a file than was there, and refuses it when there is more', async () => {
    // Says that it is empty, and is not.
    expect(await refusal(['/proc/self/status'])).toMatchObject({ code: 'FLEET_RELEASE_CHANGED' })
  })

  it('works in little memory, however large a file is', () => {
    write('huge', '')
    truncateSync(join(folder, 'huge'), 1 << 28)
    const program = `
      const { buildRelease } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/fleet/index.ts'))})
      const { manifest } = await buildRelease(${JSON.stringify(folder)}, ['huge'])
      console.log(manifest.sizeBytes, process.resourceUsage().maxRSS)`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    const [sizeBytes, maxRssKib] = stdout.trim().split(' ').map(Number)
    expect(sizeBytes).toBe(1 << 28)
    expect(maxRssKib).toBeLessThan(150 * 1024)
  })

  it('ends the others before it says which file failed', async () => {
    for (let index = 0; index < 20; index += 1) write(`many/${String(index).padStart(2, '0')}`)
    symlinkSync('/proc/self/mem', join(folder, 'many/link'))
    expect(await refusal(['many', '/proc/self/mem'])).toMatchObject({ code: 'FLEET_RELEASE_UNREADABLE' })
  })
})
