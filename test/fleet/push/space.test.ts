// How much room a push needs: with plans exactly, without them never too little.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planTree } from '../../../src/fleet/push/plan.ts'
import { spaceNeeded, spaceNeededAtMost } from '../../../src/fleet/index.ts'
import { parseInspection, type Inspection } from '../../../src/node/index.ts'
import { treeOf } from './trees.ts'

const MIB = 1 << 20
const nothing = { staged: new Map<string, number>(), trees: [], bad: new Set<string>() }

function found(staged: ReadonlyMap<string, number> = new Map()): Inspection {
  const empty = parseInspection('fleet-lock state=free\nfleet-lock epoch=0\n')
  return { ...empty, staged: { ...empty.staged, releases: staged } }
}

describe('the space that a push needs', () => {
  const tree = treeOf({ large: Buffer.alloc(3 * MIB, 'large'), small: 'x', empty: '' })

  it('is counted in whole blocks, manifest included', () => {
    const planned = [{ tree, how: 'new' as const, plan: planTree(tree.manifest, nothing) }]
    expect(spaceNeeded(planned)).toBe(3 * MIB + 4096 + 4096)
    expect(spaceNeededAtMost([tree], found())).toBe(3 * MIB + 4096 + 4096)
  })

  it('is nothing for what can be linked, but not for what must be copied because its mode differs', () => {
    const other = treeOf({ old: Buffer.alloc(3 * MIB, 'large'), small: 'x' }, { executable: ['small'] })
    const trees = [{ name: `releases/${other.manifest.digest}`, manifest: other.manifest }]
    const planned = [{ tree, how: 'new' as const, plan: planTree(tree.manifest, { ...nothing, trees }) }]
    expect(spaceNeeded(planned)).toBe(4096 + 4096)
  })

  it('is less by what has arrived, and nothing for a tree that is only checked', () => {
    const staged = new Map([['large', 2 * MIB]])
    const planned = [{ tree, how: 'new' as const, plan: planTree(tree.manifest, { ...nothing, staged }) }]
    // What is sent of a file that was begun is there twice for a moment.
    expect(spaceNeeded(planned)).toBe(2 * MIB + 4096 + 4096)
    const whole = new Map([['large', 3 * MIB]])
    expect(spaceNeededAtMost([tree], found(whole))).toBe(4096 + 4096)
    expect(spaceNeeded([{ tree, how: 'check' }])).toBe(0)
  })

  it('is never more with plans than without', () => {
    const sizes = fc.constantFrom(0, 1, 4095, 4096, 4097, MIB, MIB + 1)
    const files = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), sizes)
    fc.assert(
      fc.property(files, files, files, (wanted, older, staged) => {
        const filled = (all: Record<string, number>) =>
          treeOf(Object.fromEntries(Object.entries(all).map(([path, size]) => [path, Buffer.alloc(size)])))
        const tree = filled(wanted)
        const old = filled(older)
        const holdings = {
          staged: new Map(Object.entries(staged)),
          trees: [{ name: `releases/${old.manifest.digest}`, manifest: old.manifest }],
          bad: new Set<string>(),
        }
        const exact = spaceNeeded([{ tree, how: 'new', plan: planTree(tree.manifest, holdings) }])
        expect(exact).toBeLessThanOrEqual(spaceNeededAtMost([tree], found(holdings.staged)))
      }),
    )
  })
})
