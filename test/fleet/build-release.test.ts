// A release is built from what is really on the disk, and refuses what could not be the same on a node.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

  it('refuses symbolic links by name, at the top and deep inside', async () => {
    write('real')
    symlinkSync('real', join(folder, 'link'))
    mkdirSync(join(folder, 'deep/er'), { recursive: true })
    symlinkSync('/etc/passwd', join(folder, 'deep/er/link'))
    expect(await refusal(['link'])).toMatchObject({
      code: 'FLEET_RELEASE_BAD_FILE',
      message: `${join(folder, 'link')} is a symbolic link`,
    })
    expect(await refusal(['deep'])).toMatchObject({ message: `${join(folder, 'deep/er/link')} is a symbolic link` })
  })

  it('refuses what is neither a file nor a folder', async () => {
    spawnSync('mkfifo', [join(folder, 'pipe')])
    expect(await refusal(['pipe'])).toMatchObject({
      code: 'FLEET_RELEASE_BAD_FILE',
      message: `${join(folder, 'pipe')} is not a regular file`,
    })
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
})
