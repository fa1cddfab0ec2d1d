// Builds a release from the files that fleet.yml (or the command line) names: finds them, hashes them by streaming, and keeps
// where each file's bytes are. Nothing is copied; the bytes are read again, and checked again, when they are sent.
import { FleetError } from '../../core/index.ts'
import { collect, unreadable, type Collected } from './collect.ts'
import { describeFile, type Described } from './describe.ts'
import { createManifest, type Manifest } from './manifest.ts'
import { needsOfRelease, type ReleaseNeeds } from './needs.ts'

export interface Release {
  readonly manifest: Manifest
  /** Path inside the release -> absolute path of its bytes here. Of files only: links are whole in the manifest. */
  readonly sources: ReadonlyMap<string, string>
  readonly needs: ReleaseNeeds
  /** How many files and folders .fleetignore left out; a folder counts once. */
  readonly ignored: number
}

/** Enough to keep a disk busy; each takes up to 2 MiB of memory. */
const FILES_SIDE_BY_SIDE = 4

/**
 * `items` are files, folders and patterns (`build/*.bin`, `conf/**\/*.json`), relative to `folder` or absolute. Each is placed in the release under its
 * last path segment (`build/main` becomes `main`, `conf/` becomes `conf/...`), folders with everything in them; so is each match of a
 * pattern, but with `**` a match keeps its path below the folders before the first wildcard (see expandPattern). A pattern that matches nothing
 * is an error. Symbolic links stay links. What .fleetignore files in or above the folders name is left out.
 *
 * Reads every file once; the same files give the same digest on any machine. Throws FLEET_RELEASE_EMPTY, _UNREADABLE, _BAD_FILE, _BAD_LINK,
 * _BAD_PATH, _DUPLICATE_PATH, and _CHANGED for a file that changes meanwhile.
 */
export async function buildRelease(folder: string, items: readonly string[]): Promise<Release> {
  if (items.length === 0) {
    throw new FleetError('FLEET_RELEASE_EMPTY', 'the release holds no files', {
      remedy: 'name them in fleet.yml under release.files, or on the command line: fleet push FILE...',
    })
  }
  const { files, links, ignored } = await collect(folder, items)
  const described = await describeAll([...files])
  const manifest = createManifest(
    described.map(({ file }) => file),
    links,
  )
  if (files.size === 0) {
    throw new FleetError('FLEET_RELEASE_EMPTY', `there are no files in ${items.join(', ')}${ignoredToo(ignored)}`, {
      remedy: 'check release.files in fleet.yml',
    })
  }
  const byPath = new Map(described.map(({ file, needs }) => [file.path, needs]))
  return {
    manifest,
    sources: new Map([...files].map(([path, { source }]) => [path, source])),
    needs: needsOfRelease(
      manifest.files.flatMap(({ path }) => {
        const needs = byPath.get(path)
        return needs === undefined ? [] : [{ path, needs }]
      }),
    ),
    ignored,
  }
}

function ignoredToo(ignored: number): string {
  return ignored === 0 ? '' : ` (.fleetignore left out ${ignored})`
}

type Entry = Collected['files'] extends ReadonlyMap<infer Path, infer Value> ? readonly [Path, Value] : never

/** Ends when all that was begun has ended, also after an error: then nothing new is begun. */
async function describeAll(entries: readonly Entry[]): Promise<Described[]> {
  const results: Described[] = []
  const queue = entries.entries()
  let isOver = false
  const lane = async (): Promise<void> => {
    for (const [index, entry] of queue) {
      if (isOver) return
      try {
        results[index] = await describe(entry)
      } catch (error) {
        isOver = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: FILES_SIDE_BY_SIDE }, lane))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return results
}

async function describe([path, { source, item }]: Entry): Promise<Described> {
  const described = await describeFile(source, path).catch((error: unknown) => {
    throw unreadable(item, error, source)
  })
  // eslint-disable-next-line no-control-regex
  const odd = described.needs.programs.find((program) => /[\u0000-\u001f\u007f]/.test(program))
  if (odd === undefined) return described
  throw new FleetError('FLEET_RELEASE_BAD_FILE', `${source} asks for an interpreter named ${JSON.stringify(odd)}`, {
    remedy: odd.endsWith('\r')
      ? "its lines end as on Windows; convert it: sed -i 's/\\r$//' FILE"
      : 'correct its first line, or leave it out (.fleetignore)',
  })
}
