// When bytes that were sent turned out wrong on a node, the first suspect is the file here: it may have changed since it was hashed.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { FleetError } from '../../core/index.ts'
import type { ReleaseFile } from '../release/manifest.ts'
import type { Tree } from './tree.ts'

/** Throws FLEET_RELEASE_CHANGED for the first of these files whose bytes here are not those of the manifest any more. */
export async function insistOnSources(tree: Tree, files: readonly ReleaseFile[]): Promise<void> {
  for (const { path, sha256 } of files) {
    const content = tree.contentOf(path)
    if (!Buffer.isBuffer(content) && (await hashOf(content.file)) !== sha256) {
      throw new FleetError('FLEET_RELEASE_CHANGED', `${content.file} changed after the release was built`, {
        remedy: 'push again when it no longer changes',
        retryable: true,
      })
    }
  }
}

/** Undefined when it cannot be read. */
async function hashOf(file: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  } catch {
    return undefined
  }
  return hash.digest('hex')
}
