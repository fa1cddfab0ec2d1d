// What a push has to do for each tree on one node. Asks the node for the manifests of what lies there, and only when something is
// lacking; changes nothing.
import { manifestCommand, type Inspection } from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { run } from '../fleet-node.ts'
import type { ManifestCache } from './manifest-cache.ts'
import { planTree, type Plan, type TreeOnNode } from './plan.ts'
import type { Tree } from './tree.ts'

/** `new`: to be put together as planned. `check`: it is there, but is to be verified there before it is trusted. Trees that need nothing are left out. */
export type PlannedTree =
  { readonly tree: Tree; readonly how: 'new'; readonly plan: Plan } | { readonly tree: Tree; readonly how: 'check' }

export interface PlanOptions {
  readonly manifests: ManifestCache
  /** Check also what was verified once and has not changed since. */
  readonly verify: boolean
  readonly signal?: AbortSignal
}

/** Of what lies on a node for other reasons, the newest: what is older has less and less in common with what is pushed. */
const MAX_SOURCES = 3
/** Of half a million files. What is longer is not used. */
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024

/** In the order in which trees are brought: what is needed to run a release goes first. */
export async function planPush(
  connection: Connection,
  base: string,
  trees: readonly Tree[],
  found: Inspection,
  options: PlanOptions,
): Promise<readonly PlannedTree[]> {
  const planned: PlannedTree[] = []
  for (const tree of trees) {
    const state = found.trees[tree.kind]
    if (state === 'sealed' && !options.verify) continue
    if (state === 'absent')
      planned.push({ tree, how: 'new', plan: await planNew(connection, base, tree, found, options) })
    else planned.push({ tree, how: 'check' })
  }
  return planned
}

async function planNew(
  connection: Connection,
  base: string,
  { kind, manifest }: Tree,
  found: Inspection,
  options: PlanOptions,
): Promise<Plan> {
  const holdings = { staged: found.staged[kind], trees: [], bad: new Set<string>() }
  const plan = planTree(manifest, holdings)
  if (kind !== 'releases' || plan.contentBytes === 0) return plan
  return planTree(manifest, { ...holdings, trees: await releasesThere(connection, base, found, options) })
}

async function releasesThere(
  connection: Connection,
  base: string,
  found: Inspection,
  { manifests, signal }: PlanOptions,
): Promise<readonly TreeOnNode[]> {
  const sources = await Promise.all(
    found.releases.slice(0, MAX_SOURCES).map(async ({ digest }) => {
      const command = manifestCommand(base, 'releases', digest)
      const abortable = signal === undefined ? {} : { signal }
      const fetch = async () =>
        (await run(connection, command, { maxOutputBytes: MAX_MANIFEST_BYTES, ...abortable })).stdout
      const manifest = await manifests.manifest('releases', digest, fetch)
      return manifest === undefined ? [] : [{ name: `releases/${digest}`, manifest }]
    }),
  )
  return sources.flat()
}
