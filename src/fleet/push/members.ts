// A plan as the members of a pack, in the order in which the node wants them: what it is to put together and from what, then the bytes.
import type { ReleaseFile } from '../release/manifest.ts'
import type { PackMember } from './pack.ts'
import type { Plan, Rest } from './plan.ts'
import type { Tree } from './tree.ts'

/** Pure: equal trees and plans give equal members. */
export function packMembers(tree: Tree, plan: Plan): readonly PackMember[] {
  const { same, moved, rests, files, links } = plan
  return [
    text('plan/manifest', tree.manifest.text),
    ...[...same].map(([name, paths]) => text(`plan/same/${name}`, lines(paths))),
    ...(moved.length === 0 ? [] : [text('plan/moved', lines(moved.map(movedLine)))]),
    ...(rests.length === 0 ? [] : [text('plan/rests', lines(rests.map(restLine)))]),
    ...files.map((file) => whole(tree, file)),
    ...links.map(({ path, target }) => ({ path: `tree/${path}`, linkTo: target })),
    ...rests.map((rest, index) => remainder(tree, rest, index)),
  ]
}

/** No path holds a tab or the end of a line: a manifest refuses them. */
function movedLine({ tree, from, file }: Plan['moved'][number]): string {
  return [tree, from, file.path, file.mode].join('\t')
}

function restLine({ path, fromByte }: Rest, index: number): string {
  return [index, path, fromByte].join('\t')
}

function whole(tree: Tree, { path, mode, sizeBytes }: ReleaseFile): PackMember {
  return { path: `tree/${path}`, mode: mode === '755' ? 0o555 : 0o444, sizeBytes, content: tree.contentOf(path) }
}

function remainder(tree: Tree, { path, fromByte, sizeBytes }: Rest, index: number): PackMember {
  const content = tree.contentOf(path)
  const rest = Buffer.isBuffer(content) ? content.subarray(fromByte) : { file: content.file, fromByte }
  return { path: `rest/${index}`, mode: 0o444, sizeBytes, content: rest }
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}

function text(path: string, content: string): PackMember {
  const bytes = Buffer.from(content)
  return { path, mode: 0o444, sizeBytes: bytes.length, content: bytes }
}
