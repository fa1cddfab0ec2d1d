// Builds a release from the files that fleet.yml (or the command line) names: walks folders, hashes by streaming, and keeps
// where each file's bytes are. Nothing is copied; the bytes are read again, and checked again, when they are sent.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { FleetError, messageOf } from '../../core/index.ts'
import { createManifest, type Manifest, type ReleaseFile } from './manifest.ts'

export interface Release {
  readonly manifest: Manifest
  /** Path inside the release -> absolute path of its bytes here. */
  readonly sources: ReadonlyMap<string, string>
}

/**
 * `items` are files and folders, relative to `folder`. Each is placed in the release under its last path segment (`build/main`
 * becomes `main`, `conf/` becomes `conf/...`), folders with everything in them. Symbolic links and special files are refused by name.
 */
export async function buildRelease(folder: string, items: readonly string[]): Promise<Release> {
  if (items.length === 0) {
    throw new FleetError('FLEET_RELEASE_EMPTY', 'the release holds no files', {
      remedy: 'name them in fleet.yml under release.files, or on the command line: fleet push FILE...',
    })
  }
  const sources = new Map<string, string>()
  const files: ReleaseFile[] = []
  for (const item of items) {
    const source = resolve(folder, item)
    for await (const found of walk(source, basename(source), item)) {
      files.push(await describe(found).catch(unreadable(item)))
      sources.set(found.path, found.source)
    }
  }
  if (files.length === 0) {
    throw new FleetError('FLEET_RELEASE_EMPTY', `there are no files in ${items.join(', ')}`, {
      remedy: 'check release.files in fleet.yml',
    })
  }
  return { manifest: createManifest(files), sources }
}

interface Found {
  readonly path: string
  readonly source: string
  readonly executable: boolean
}

async function* walk(source: string, path: string, item: string): AsyncGenerator<Found> {
  const stats = await lstat(source).catch(unreadable(item))
  if (stats.isFile()) {
    yield { path, source, executable: (stats.mode & 0o100) !== 0 }
  } else if (stats.isDirectory()) {
    for (const name of await readdir(source).catch(unreadable(item)))
      yield* walk(join(source, name), `${path}/${name}`, item)
  } else {
    const kind = stats.isSymbolicLink() ? 'a symbolic link' : 'not a regular file'
    throw new FleetError('FLEET_RELEASE_BAD_FILE', `${source} is ${kind}`, {
      remedy: 'a release holds regular files and folders: replace it by the file that it stands for, or leave it out',
    })
  }
}

async function describe(found: Found): Promise<ReleaseFile> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  await pipeline(createReadStream(found.source, { highWaterMark: 1 << 20 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk)
      sizeBytes += chunk.length
    }
  })
  return { path: found.path, mode: found.executable ? '755' : '644', sizeBytes, sha256: hash.digest('hex') }
}

function unreadable(item: string): (error: unknown) => never {
  return (error) => {
    throw new FleetError(
      'FLEET_RELEASE_UNREADABLE',
      `the release names ${JSON.stringify(item)}, but ${isMissing(error) ? 'there is no such file' : messageOf(error)}`,
      {
        remedy: 'build it first, or correct release.files in fleet.yml',
        cause: error,
      },
    )
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
