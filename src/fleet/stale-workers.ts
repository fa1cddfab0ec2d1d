// Workers keep the release that they were started with: how many of a node still run another one than they should.
import type { Digest } from '../core/index.ts'
import type { Connection } from '../ssh/index.ts'
import { statusIfPresent } from './start.ts'

/** Living workers of a node that is to run; 0 where nothing is to run, or nothing was ever pushed. */
export async function staleWorkers(connection: Connection, base: string, release: Digest): Promise<number> {
  const status = await statusIfPresent(connection, base)
  if (status?.state !== 'up') return 0
  return status.slots.filter(
    (slot) =>
      (slot.state === 'running' || slot.state === 'adopted') && slot.release !== undefined && slot.release !== release,
  ).length
}
