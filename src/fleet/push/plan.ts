// What has to cross the wire for one tree, decided from values alone. What always holds: every entry of the manifest is provided for
// exactly once, nothing that was found bad is used again, and equal nodes get equal plans, so that they share one pack.
import type { Manifest, ReleaseFile, ReleaseLink } from '../release/manifest.ts'

/** What a node has of use for a tree. */
export interface Holdings {
  /** Where the tree is put together: path -> bytes that are there, of files and (their target's length) of links. */
  readonly staged: ReadonlyMap<string, number>
  /** Trees that lie on the node, the best first. */
  readonly trees: readonly TreeOnNode[]
  /** Paths of the wanted tree that turned out wrong, wherever they came from: these are sent whole. */
  readonly bad: ReadonlySet<string>
}

export interface TreeOnNode {
  /** `<kind>/<digest>` */
  readonly name: string
  readonly manifest: Manifest
  /** Paths in it that cannot be used. */
  readonly bad?: ReadonlySet<string>
}

export interface Plan {
  /** Paths that lie there whole already. Like everything else they are verified on the node. */
  readonly kept: readonly string[]
  /** `<kind>/<digest>` -> paths that this tree has with the same path, mode and content. */
  readonly same: ReadonlyMap<string, readonly string[]>
  readonly moved: readonly Moved[]
  readonly rests: readonly Rest[]
  /** Sent whole. */
  readonly files: readonly ReleaseFile[]
  readonly links: readonly ReleaseLink[]
  /** Bytes of content that are sent: of `files` and `rests`. */
  readonly contentBytes: number
}

/** A file whose content lies in a tree of the node under another path, or with another mode. */
export interface Moved {
  /** `<kind>/<digest>` */
  readonly tree: string
  readonly from: string
  readonly file: ReleaseFile
  readonly hasSameMode: boolean
}

/** The end of a file whose beginning is staged. */
export interface Rest {
  readonly path: string
  readonly fromByte: number
  /** From there to the end of the file. */
  readonly sizeBytes: number
}

const MIB = 1 << 20
/** Shorter files are sent whole: what could be spared is less than what it takes to say so. */
const MIN_RESUMED_BYTES = MIB
/** A file is gone on with from a multiple of its size / 32: nodes that were lost at nearly the same moment then need the same pack. */
const STEPS_OF_A_FILE = 32

export function planTree(wanted: Manifest, { staged, trees, bad }: Holdings): Plan {
  const kept: string[] = []
  const same = new Map<string, string[]>()
  const moved: Moved[] = []
  const rests: Rest[] = []
  const files: ReleaseFile[] = []

  for (const file of wanted.files) {
    const { path, sizeBytes } = file
    if (bad.has(path)) {
      files.push(file)
    } else if (staged.get(path) === sizeBytes) {
      kept.push(path)
    } else {
      const source = sourceOf(file, trees)
      const fromByte = resumedFrom(sizeBytes, staged.get(path) ?? 0)
      if (source?.from === path && source.hasSameMode) {
        const paths = same.get(source.tree)
        if (paths === undefined) same.set(source.tree, [path])
        else paths.push(path)
      } else if (source !== undefined) moved.push(source)
      else if (fromByte > 0) rests.push({ path, fromByte, sizeBytes: sizeBytes - fromByte })
      else files.push(file)
    }
  }
  const links = wanted.links.filter(({ path, target }) => {
    const isKept = !bad.has(path) && staged.get(path) === Buffer.byteLength(target)
    if (isKept) kept.push(path)
    return !isKept
  })
  const contentBytes = [...files, ...rests].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return { kept, same, moved, rests, files, links, contentBytes }
}

/** As if all files of a tree, and perhaps its links, lay there: for plans that only concern what turned out bad. */
export function stagedWhole({ files, links }: Manifest, hasLinks: boolean): ReadonlyMap<string, number> {
  return new Map([
    ...files.map(({ path, sizeBytes }) => [path, sizeBytes] as const),
    ...(hasLinks ? links : []).map(({ path, target }) => [path, Buffer.byteLength(target)] as const),
  ])
}

/** Where its content lies: best under its own path and mode, next with its mode (both can be linked), else anywhere. */
function sourceOf(file: ReleaseFile, trees: readonly TreeOnNode[]): Moved | undefined {
  const otherMode = file.mode === '755' ? '644' : '755'
  const found = (candidates: (index: Index) => readonly (ReleaseFile | undefined)[]): Moved | undefined => {
    for (const { name, manifest, bad } of trees) {
      const other = candidates(indexOf(manifest)).find((one) => one !== undefined && bad?.has(one.path) !== true)
      if (other !== undefined) return { tree: name, from: other.path, file, hasSameMode: other.mode === file.mode }
    }
    return undefined
  }
  return (
    found(({ paths }) => [paths.get(file.path)].filter((one) => one !== undefined && nameOf(one) === nameOf(file))) ??
    found(({ contents }) => contents.get(nameOf(file)) ?? []) ??
    found(({ contents }) => contents.get(nameOf({ ...file, mode: otherMode })) ?? [])
  )
}

function resumedFrom(sizeBytes: number, stagedBytes: number): number {
  if (sizeBytes < MIN_RESUMED_BYTES || stagedBytes > sizeBytes) return 0
  const step = Math.ceil(sizeBytes / STEPS_OF_A_FILE / MIB) * MIB
  return stagedBytes - (stagedBytes % step)
}

interface Index {
  readonly paths: ReadonlyMap<string, ReleaseFile>
  readonly contents: ReadonlyMap<string, readonly ReleaseFile[]>
}

/** Fifty nodes are planned for with the same few manifests. */
const indexes = new WeakMap<Manifest, Index>()

function indexOf(manifest: Manifest): Index {
  const known = indexes.get(manifest)
  if (known !== undefined) return known
  const { files } = manifest
  const index = { paths: new Map(files.map((file) => [file.path, file])), contents: Map.groupBy(files, nameOf) }
  indexes.set(manifest, index)
  return index
}

/** What must be equal for a hard link to do: mode and content. */
function nameOf({ mode, sizeBytes, sha256 }: ReleaseFile): string {
  return `${mode} ${sizeBytes} ${sha256}`
}
