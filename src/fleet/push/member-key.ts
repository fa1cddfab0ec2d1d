// Equal members make equal packs, so what they are is their name in the cache of packs.
import { createHash, type Hash } from 'node:crypto'
import type { PackMember } from './pack.ts'

/** The same for equal members in the same order, and for no others. Files count by their path: a release does not change while it is pushed. */
export function memberKey(members: Iterable<PackMember>): string {
  const hash = createHash('sha256')
  for (const member of members) add(hash, member)
  return hash.digest('base64')
}

// Each field is framed by JSON and each content by its size, so that no two lists run together to the same bytes.
function add(hash: Hash, member: PackMember): void {
  if ('linkTo' in member) {
    hash.update(JSON.stringify([member.path, member.linkTo]))
    return
  }
  const { path, mode, sizeBytes, content } = member
  if (Buffer.isBuffer(content)) hash.update(JSON.stringify([path, mode, content.length])).update(content)
  else hash.update(JSON.stringify([path, mode, sizeBytes, content.file, content.fromByte ?? 0]))
}
