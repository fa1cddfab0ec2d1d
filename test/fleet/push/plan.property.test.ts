// What a plan always holds, whatever lies on the node.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packMembers } from '../../../src/fleet/push/members.ts'
import { planTree, stagedWhole, type Holdings, type Plan } from '../../../src/fleet/push/plan.ts'
import { createManifest, type Manifest, type ReleaseFile } from '../../../src/fleet/release/manifest.ts'

const MIB = 1 << 20
/** Few enough that trees have much in common. */
const PATHS = ['a', 'b', 'conf/c', 'conf/d', 'lib/e', 'lib/f']
const CONTENTS = [
  { sizeBytes: 0, name: 'nothing' },
  { sizeBytes: 20, name: 'small' },
  { sizeBytes: 20, name: 'other' },
  { sizeBytes: MIB, name: 'a MiB' },
  { sizeBytes: 100 * MIB + 3, name: 'large' },
]

const someFiles = fc.uniqueArray(
  fc.record({
    path: fc.constantFrom(...PATHS),
    mode: fc.constantFrom('644' as const, '755' as const),
    content: fc.constantFrom(...CONTENTS),
  }),
  { selector: ({ path }) => path },
)
const someManifest = fc.tuple(someFiles, fc.boolean()).map(([files, hasLink]): Manifest => {
  const all: ReleaseFile[] = files.map(({ path, mode, content: { sizeBytes, name } }) => {
    return { path, mode, sizeBytes, sha256: createHash('sha256').update(name).digest('hex') }
  })
  const target = all[0]?.path
  return createManifest(all, hasLink && target !== undefined ? [{ path: 'link', target }] : [])
})
const somePaths = fc.uniqueArray(fc.constantFrom(...PATHS, 'link')).map((paths) => new Set(paths))
const someHoldings: fc.Arbitrary<Holdings> = fc.record({
  staged: fc
    .array(
      fc.tuple(
        fc.constantFrom(...PATHS, 'link', 'foreign'),
        fc.oneof(fc.constantFrom(0, 1, 20, 21, MIB - 1, MIB, 100 * MIB + 3), fc.nat(101 * MIB)),
      ),
    )
    .map((entries) => new Map(entries)),
  trees: fc.array(
    fc.record({ manifest: someManifest, bad: fc.option(somePaths, { nil: undefined }) }).map(({ manifest, bad }) => ({
      name: `releases/${manifest.digest}`,
      manifest,
      ...(bad === undefined ? {} : { bad }),
    })),
    { maxLength: 3 },
  ),
  bad: somePaths,
})

function check(property: (wanted: Manifest, holdings: Holdings, plan: Plan) => void): void {
  fc.assert(
    fc.property(someManifest, someHoldings, (wanted, holdings) => {
      property(wanted, holdings, planTree(wanted, holdings))
    }),
    { numRuns: 500 },
  )
}

describe('a plan', () => {
  it('provides for every entry of the manifest exactly once, and for nothing else', () => {
    check(({ files, links }, _, plan) => {
      const provided = [
        ...plan.kept,
        ...[...plan.same.values()].flat(),
        ...plan.moved.map(({ file }) => file.path),
        ...plan.rests.map(({ path }) => path),
        ...plan.files.map(({ path }) => path),
        ...plan.links.map(({ path }) => path),
      ]
      expect(provided.toSorted()).toEqual([...files, ...links].map(({ path }) => path).toSorted())
    })
  })

  it('sends whole what is bad, and takes nothing from what is bad in another tree', () => {
    check(({ files, links }, { bad, trees }, plan) => {
      const sent = new Set([...plan.files, ...plan.links].map(({ path }) => path))
      for (const { path } of [...files, ...links]) if (bad.has(path)) expect(sent).toContain(path)
      const badIn = (name: string, path: string): boolean =>
        trees.filter((tree) => tree.name === name).every((tree) => tree.bad?.has(path) === true)
      for (const [name, paths] of plan.same) for (const path of paths) expect(badIn(name, path)).toBe(false)
      for (const { tree, from } of plan.moved) expect(badIn(tree, from)).toBe(false)
    })
  })

  it('takes only what is equal: path, mode and content of what is the same, the content of what was moved', () => {
    check((wanted, { trees }, plan) => {
      const there = (name: string, path: string): ReleaseFile | undefined =>
        trees.find((tree) => tree.name === name)?.manifest.files.find((file) => file.path === path)
      const wantedFile = (path: string): ReleaseFile | undefined => wanted.files.find((file) => file.path === path)
      for (const [name, paths] of plan.same)
        for (const path of paths) expect(there(name, path)).toEqual(wantedFile(path))
      for (const { tree, from, file, hasSameMode } of plan.moved) {
        expect(there(tree, from)).toMatchObject({ sha256: file.sha256, sizeBytes: file.sizeBytes })
        expect(there(tree, from)?.mode === file.mode).toBe(hasSameMode)
      }
    })
  })

  it('sends a file whole only when nothing equal lies there', () => {
    check((_, { staged, trees, bad }, { files }) => {
      for (const { path, sha256, sizeBytes } of files) {
        if (bad.has(path)) continue
        expect(staged.get(path)).not.toBe(sizeBytes)
        for (const tree of trees)
          for (const other of tree.manifest.files) if (other.sha256 === sha256) expect(tree.bad).toContain(other.path)
      }
    })
  })

  it('goes on from no more than is there, and wastes at most a thirty-second of a file and a MiB', () => {
    check((wanted, { staged }, { rests }) => {
      for (const { path, fromByte, sizeBytes } of rests) {
        const whole = wanted.files.find((file) => file.path === path)?.sizeBytes ?? 0
        const there = staged.get(path) ?? 0
        expect(fromByte).toBeGreaterThan(0)
        expect(fromByte).toBeLessThanOrEqual(there)
        expect(there - fromByte).toBeLessThan(whole / 32 + MIB)
        expect(fromByte + sizeBytes).toBe(whole)
        expect(sizeBytes).toBeGreaterThan(0)
      }
    })
  })

  it('counts the bytes of exactly what is sent, and its pack has them', () => {
    check((wanted, _, plan) => {
      const provided = new Set([
        ...plan.kept,
        ...[...plan.same.values()].flat(),
        ...plan.moved.map(({ file }) => file.path),
      ])
      const begun = plan.rests.reduce((sum, { fromByte }) => sum + fromByte, 0)
      const there = wanted.files.filter(({ path }) => provided.has(path))
      const thereBytes = there.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      expect(plan.contentBytes).toBe(wanted.sizeBytes - thereBytes - begun)
      const tree = { kind: 'releases' as const, manifest: wanted, contentOf: () => ({ file: '/nowhere' }) }
      const members = packMembers(tree, plan).filter(({ path }) => !path.startsWith('plan/'))
      const packed = members.reduce((sum, member) => sum + ('sizeBytes' in member ? member.sizeBytes : 0), 0)
      expect(packed).toBe(plan.contentBytes)
    })
  })

  it('is the same for the same inputs, in whatever order the node names what is staged', () => {
    check((wanted, holdings, plan) => {
      const staged = new Map([...holdings.staged].toReversed())
      expect(planTree(wanted, { ...holdings, staged })).toEqual(plan)
    })
  })

  it('sends nothing when all is staged, and just what is bad when something is', () => {
    check((wanted, { bad }) => {
      const plan = planTree(wanted, { staged: stagedWhole(wanted, true), trees: [], bad })
      expect(plan.files.map(({ path }) => path)).toEqual(
        wanted.files.map(({ path }) => path).filter((path) => bad.has(path)),
      )
      expect(plan.links.map(({ path }) => path)).toEqual(
        wanted.links.map(({ path }) => path).filter((path) => bad.has(path)),
      )
      expect([...plan.moved, ...plan.rests, ...plan.same]).toEqual([])
    })
  })
})
