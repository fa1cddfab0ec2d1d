// Only fleet's own programs, to a place that has no operators: the control machine, where the dispatcher is supervised by them.
import { tmpdir } from 'node:os'
import { REQUIRED_TOOLS, switchCommand } from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { run } from '../fleet-node.ts'
import { inspect } from './inspect.ts'
import { createManifestCache } from './manifest-cache.ts'
import { createPacks } from './packs.ts'
import { bringTrees } from './push-to-node.ts'
import type { Tree } from './tree.ts'

/** Idempotent: one round trip when they are there. */
export async function pushKit(connection: Connection, base: string, kit: Tree): Promise<void> {
  const { digest } = kit.manifest
  const found = await inspect(connection, base, { kit: digest, tools: REQUIRED_TOOLS, programs: [] })
  const packs = createPacks({ folder: tmpdir() })
  try {
    const options = { packs, manifests: createManifestCache(), verify: false }
    await bringTrees(connection, base, [kit], found, 'unlocked', options)
  } finally {
    await packs.close()
  }
  if (found.currentKit !== digest)
    await run(connection, switchCommand(base, { kit: digest, keep: 1, claim: 'unlocked' }))
}
