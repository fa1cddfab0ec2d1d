// A release's manifest names every file with its mode, size and SHA-256, and every symbolic link with its target; the manifest's
// own SHA-256 is the digest that names the release. So a node can verify a release with nothing but the digest and sha256sum:
// first the manifest, then the files.
import { createHash } from 'node:crypto'
import { FleetError, parseDigest, type Digest } from '../../core/index.ts'
import { refuseBadLinks } from './links.ts'
import { byBytesOfPath, foldersOf, refuseBadPath } from './paths.ts'

export interface ReleaseFile {
  /** Inside the release, with `/`; never absolute, never with `.` or `..` segments. */
  readonly path: string
  /** `755` when its owner may execute it, else `644`: the only bit of a mode that means the same on every machine. */
  readonly mode: '644' | '755'
  readonly sizeBytes: number
  /** Hex. */
  readonly sha256: string
}

/** A symbolic link to a file or folder of the same release. */
export interface ReleaseLink {
  /** Like that of a file. */
  readonly path: string
  /** As readlink(2) gives it: relative to the folder of the link. */
  readonly target: string
}

export interface Manifest {
  readonly digest: Digest
  /** Sorted by the bytes of the path. */
  readonly files: readonly ReleaseFile[]
  /** Sorted by the bytes of the path. */
  readonly links: readonly ReleaseLink[]
  /** One line an entry, sorted by the bytes of the path: `MODE SIZE SHA256  PATH`, or `link 0 -  PATH<TAB>TARGET`. */
  readonly text: string
  /** Of all files together. */
  readonly sizeBytes: number
}

/** The name under which a manifest lies in its release. */
export const MANIFEST_NAME = '.fleet-manifest'

/**
 * The same files and links give the same digest on any machine, whatever order they are given in. Throws FLEET_RELEASE_BAD_PATH,
 * FLEET_RELEASE_DUPLICATE_PATH (also when a file or link is a folder as well), FLEET_RELEASE_BAD_LINK.
 */
export function createManifest(files: readonly ReleaseFile[], links: readonly ReleaseLink[] = []): Manifest {
  const entries = byBytesOfPath([
    ...files.map((file) => ({
      path: file.path,
      line: `${file.mode} ${file.sizeBytes} ${file.sha256}  ${file.path}\n`,
    })),
    ...links.map(({ path, target }) => ({ path, line: `link 0 -  ${path}\t${target}\n` })),
  ])
  refuseClashes(entries)
  refuseBadLinks(links, files)
  const text = entries.map(({ line }) => line).join('')
  return {
    digest: parseDigest(createHash('sha256').update(text).digest('hex')),
    files: byBytesOfPath(files),
    links: byBytesOfPath(links),
    text,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
  }
}

const FILE_LINE = /^(644|755) (0|[1-9]\d{0,15}) ([0-9a-f]{64}) {2}([^\t]+)$/
const LINK_LINE = /^link 0 - {2}([^\t]+)\t([^\t]+)$/

/**
 * Reads a manifest's text back, for one that a node sent. Throws FLEET_RELEASE_BAD_MANIFEST unless it is exactly what createManifest
 * would have written; whether its digest is the wanted one is for the caller to compare.
 */
export function parseManifest(text: string): Manifest {
  const files: ReleaseFile[] = []
  const links: ReleaseLink[] = []
  for (const [index, line] of text.split('\n').slice(0, -1).entries()) {
    const [, mode, size, sha256, path] = FILE_LINE.exec(line) ?? []
    const [, from, target] = LINK_LINE.exec(line) ?? []
    if (path !== undefined && sha256 !== undefined) {
      files.push({ path, mode: mode === '755' ? '755' : '644', sizeBytes: Number(size), sha256 })
    } else if (from !== undefined && target !== undefined) links.push({ path: from, target })
    else throw badManifest(`its line ${index + 1} is ${JSON.stringify(line.slice(0, 200))}`)
  }
  const manifest = recreate(files, links)
  if (manifest.text !== text) throw badManifest('its lines are not in order, or its end is missing')
  return manifest
}

function recreate(files: readonly ReleaseFile[], links: readonly ReleaseLink[]): Manifest {
  try {
    return createManifest(files, links)
  } catch (cause) {
    throw badManifest('it names what cannot be in a release', cause)
  }
}

function badManifest(why: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_RELEASE_BAD_MANIFEST', `what should be the manifest of a release is none: ${why}`, {
    remedy: 'push again: what the node holds under that name is not used',
    cause,
  })
}

function refuseClashes(sorted: readonly { readonly path: string }[]): void {
  const taken = new Set<string>()
  for (const { path } of sorted) {
    refuseBadPath(path, MANIFEST_NAME)
    // A file cannot lie in a folder that is itself a file; sorted by bytes, the file comes before what is "in" it.
    const twice = [path, ...foldersOf(path)].find((name) => taken.has(name))
    if (twice !== undefined) {
      throw new FleetError(
        'FLEET_RELEASE_DUPLICATE_PATH',
        `two files of the release would both be ${JSON.stringify(twice)}`,
        { remedy: 'entries of release.files are placed under their last path segment: rename one of them' },
      )
    }
    taken.add(path)
  }
}
