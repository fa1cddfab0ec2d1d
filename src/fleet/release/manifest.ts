// A release's manifest names every file with its mode, size and SHA-256; the manifest's own SHA-256 is the digest that names
// the release. So a node can verify a release with nothing but the digest and sha256sum: first the manifest, then the files.
import { createHash } from 'node:crypto'
import { FleetError, parseDigest, type Digest } from '../../core/index.ts'

export interface ReleaseFile {
  /** Inside the release, with `/`; never absolute, never with `.` or `..` segments. */
  readonly path: string
  /** `755` when its owner may execute it, else `644`: the only bit of a mode that means the same on every machine. */
  readonly mode: '644' | '755'
  readonly sizeBytes: number
  /** Hex. */
  readonly sha256: string
}

export interface Manifest {
  readonly digest: Digest
  /** Sorted by the bytes of the path. */
  readonly files: readonly ReleaseFile[]
  /** One line a file: `MODE SIZE SHA256  PATH`. */
  readonly text: string
  readonly sizeBytes: number
}

/** The name under which a manifest lies in its release. */
export const MANIFEST_NAME = '.fleet-manifest'

/** The same files give the same digest on any machine, whatever order they are given in. */
export function createManifest(files: readonly ReleaseFile[]): Manifest {
  const sorted = files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  const taken = new Set<string>()
  for (const { path } of sorted) {
    refuseBadPath(path)
    // A file cannot lie in a folder that is itself a file; sorted by bytes, the file comes before what is "in" it.
    const twice = [path, ...foldersOf(path)].find((name) => taken.has(name))
    if (twice !== undefined) throw twoFilesOneName(twice)
    taken.add(path)
  }
  const text = sorted.map((file) => `${file.mode} ${file.sizeBytes} ${file.sha256}  ${file.path}\n`).join('')
  return {
    digest: parseDigest(createHash('sha256').update(text).digest('hex')),
    files: sorted,
    text,
    sizeBytes: sorted.reduce((sum, file) => sum + file.sizeBytes, 0),
  }
}

function foldersOf(path: string): readonly string[] {
  const segments = path.split('/')
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'))
}

function refuseBadPath(path: string): void {
  const segments = path.split('/')
  const isPlain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  // Control characters would break the manifest's lines; a leading backslash or dash confuses sha256sum and friends.
  // eslint-disable-next-line no-control-regex
  if (isPlain && path.isWellFormed() && !/[\u0000-\u001f\u007f\\]/.test(path) && path !== MANIFEST_NAME) return
  throw new FleetError('FLEET_RELEASE_BAD_PATH', `a release cannot hold a file named ${JSON.stringify(path)}`, {
    remedy: 'rename it: no control characters, no backslashes, and not the name of the manifest',
  })
}

function twoFilesOneName(path: string): FleetError {
  return new FleetError(
    'FLEET_RELEASE_DUPLICATE_PATH',
    `two files of the release would both be ${JSON.stringify(path)}`,
    {
      remedy: 'entries of release.files are placed under their last path segment: rename one of them',
    },
  )
}
