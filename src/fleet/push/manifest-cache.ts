// Manifests of trees that lie on nodes: each is fetched once, from the first node that is asked, and serves the whole fleet. What a node
// sends is believed only when it has the digest that names it.
import type { Digest } from '../../core/index.ts'
import type { TreeKind } from '../../node/index.ts'
import { parseManifest, type Manifest } from '../release/manifest.ts'

export interface ManifestCache {
  /**
   * The manifest of that tree; `fetch` asks one node for its text. Undefined when it cannot be had there, or is not what its digest
   * says: the next node is asked anew then. Never rejects.
   */
  manifest(kind: TreeKind, digest: Digest, fetch: () => Promise<string>): Promise<Manifest | undefined>
}

export function createManifestCache(): ManifestCache {
  const asked = new Map<string, Promise<Manifest | undefined>>()
  return {
    manifest: async (kind, digest, fetch) => {
      const name = `${kind}/${digest}`
      // One that is being fetched from another node is waited for once: whether this node has it is not known by that.
      const known = asked.get(name)
      const manifestOfOthers = known === undefined ? undefined : await known
      if (manifestOfOthers !== undefined) return manifestOfOthers
      const own = read(digest, fetch)
      asked.set(name, own)
      const manifest = await own
      if (manifest === undefined && asked.get(name) === own) asked.delete(name)
      return manifest
    },
  }
}

async function read(digest: Digest, fetch: () => Promise<string>): Promise<Manifest | undefined> {
  try {
    const manifest = parseManifest(await fetch())
    return manifest.digest === digest ? manifest : undefined
  } catch {
    return undefined
  }
}
