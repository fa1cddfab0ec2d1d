// How much room a push needs on a node. Hard links need none; everything else is counted in whole blocks.
import type { Inspection } from '../../node/index.ts'
import type { PlannedTree } from './plan-push.ts'
import type { Tree } from './tree.ts'

/** The block of ext4, xfs and most others. */
const BLOCK_BYTES = 4096

/** Bytes that must be free for what these plans send and copy. A tree that is only checked counts nothing: how much of it is bad is not known yet. */
export function spaceNeeded(planned: readonly PlannedTree[]): number {
  return planned.reduce((sum, one) => {
    if (one.how === 'check') return sum
    const { files, rests, moved } = one.plan
    const copied = moved.filter(({ hasSameMode }) => !hasSameMode).map(({ file }) => file)
    return sum + blocks([...files, ...rests, ...copied, manifestFile(one.tree)]) + twice(rests)
  }, 0)
}

/** The same without plans, for which the node has to be asked again: never less, because nothing that lies there counts but whole files. */
export function spaceNeededAtMost(trees: readonly Tree[], found: Inspection): number {
  return trees.reduce((sum, tree) => {
    if (found.trees[tree.kind] !== 'absent') return sum
    const staged = found.staged[tree.kind]
    const lacking = tree.manifest.files.filter(({ path, sizeBytes }) => staged.get(path) !== sizeBytes)
    const begun = lacking.filter(({ path }) => staged.has(path))
    return sum + blocks([...lacking, manifestFile(tree)]) + twice(begun)
  }, 0)
}

/** The rest of a file lies there twice while it is put behind its beginning, one file after the other. */
function twice(rests: readonly { readonly sizeBytes: number }[]): number {
  return blocks(rests.toSorted((a, b) => b.sizeBytes - a.sizeBytes).slice(0, 1))
}

function manifestFile(tree: Tree): { readonly sizeBytes: number } {
  return { sizeBytes: Buffer.byteLength(tree.manifest.text) }
}

function blocks(files: readonly { readonly sizeBytes: number }[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES, 0)
}
