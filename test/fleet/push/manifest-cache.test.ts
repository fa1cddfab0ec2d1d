// One node tells a manifest for the whole fleet, and none can tell a wrong one.
import { describe, expect, it } from 'vitest'
import { parseDigest } from '../../../src/core/index.ts'
import { createManifestCache } from '../../../src/fleet/index.ts'
import { treeOf } from './trees.ts'

const { manifest } = treeOf({ main: 'one', lib: 'two' }, { links: { link: 'main' } })
const { digest, text } = manifest

describe('the cache of manifests', () => {
  it('asks one node, also when fifty want the same at once', async () => {
    const cache = createManifestCache()
    let asked = 0
    const fetch = (): Promise<string> => {
      asked += 1
      return Promise.resolve(text)
    }
    const all = await Promise.all(Array.from({ length: 50 }, () => cache.manifest('releases', digest, fetch)))
    expect(all).toEqual(all.map(() => manifest))
    expect(asked).toBe(1)
  })

  it('asks each node itself when the first one cannot tell', async () => {
    const cache = createManifestCache()
    const answers = ['', text.slice(0, -1), text.replace('644', '755'), 'rubbish\n', text, 'never asked']
    const all = []
    for (const answer of answers) all.push(await cache.manifest('releases', digest, () => Promise.resolve(answer)))
    expect(all).toEqual([undefined, undefined, undefined, undefined, manifest, manifest])
  })

  it('does not fail when a node does, even for those who wait for it', async () => {
    const cache = createManifestCache()
    const lost = cache.manifest('releases', digest, () => Promise.reject(new Error('lost')))
    const waiting = cache.manifest('releases', digest, () => Promise.resolve(text))
    expect(await lost).toBeUndefined()
    expect(await waiting).toEqual(manifest)
  })

  it('does not mistake one tree for another', async () => {
    const cache = createManifestCache()
    const other = treeOf({ other: 'other' }).manifest
    expect(await cache.manifest('releases', digest, () => Promise.resolve(other.text))).toBeUndefined()
    expect(await cache.manifest('releases', other.digest, () => Promise.resolve(other.text))).toEqual(other)
    expect(await cache.manifest('kit', other.digest, () => Promise.resolve(''))).toBeUndefined()
    expect(await cache.manifest('releases', parseDigest('0'.repeat(64)), () => Promise.resolve(text))).toBeUndefined()
  })
})
