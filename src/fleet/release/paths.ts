// Paths inside a release. They travel through line-based lists, sh and tar, so they are plain: relative, without `.` and `..`,
// without control characters and backslashes, and no longer than a file system takes.
import { FleetError } from '../../core/index.ts'

/** NAME_MAX of Linux file systems, in bytes. */
const MAX_SEGMENT_BYTES = 255
/** Of Linux's PATH_MAX (4096) the rest is for the folders around the release. */
const MAX_PATH_BYTES = 3072

/** Throws FLEET_RELEASE_BAD_PATH. `reserved` is the one name that nothing at the top of a release may have. */
export function refuseBadPath(path: string, reserved: string): void {
  const segments = path.split('/')
  const isPlain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  const isShort =
    Buffer.byteLength(path) <= MAX_PATH_BYTES &&
    segments.every((segment) => Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES)
  if (isPlain && isShort && canTravel(path) && segments[0] !== reserved) return
  throw new FleetError('FLEET_RELEASE_BAD_PATH', `a release cannot hold a file named ${JSON.stringify(path)}`, {
    remedy: `rename it: no control characters, no backslashes, at most ${MAX_SEGMENT_BYTES} bytes, and not the name of the manifest`,
  })
}

/** Can `text` be one field of a line? Control characters would break the line, sha256sum escapes backslashes. */
export function canTravel(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return text.isWellFormed() && !/[\u0000-\u001f\u007f\\]/.test(text)
}

/** `a/b/c` lies in `a` and `a/b`. */
export function foldersOf(path: string): string[] {
  const folders: string[] = []
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) folders.push(path.slice(0, at))
  return folders
}

/** By the bytes of UTF-8, as LC_ALL=C sorts: the same on every machine. */
export function byBytesOfPath<Entry extends { readonly path: string }>(entries: readonly Entry[]): Entry[] {
  return entries
    .map((entry) => ({ entry, key: bytesOf(entry.path) }))
    .sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
    .map(({ entry }) => entry)
}

/** One character a byte, so that comparing the texts compares the bytes. */
function bytesOf(path: string): string {
  // eslint-disable-next-line no-control-regex
  return /^[\u0000-\u007f]*$/.test(path) ? path : Buffer.from(path).toString('latin1')
}
