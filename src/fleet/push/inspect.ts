// What a node says of itself before anything is sent to it.
import { FleetError } from '../../core/index.ts'
import { inspectCommand, parseInspection, type Inspection, type InspectionWish } from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { run } from '../fleet-node.ts'

/** What arrived of a tree is told file by file: enough for half a million. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** One round trip; changes nothing. Throws FLEET_NODE_MISSING_TOOL for a node that lacks a tool which nothing could replace. */
export async function inspect(
  connection: Connection,
  base: string,
  wish: InspectionWish,
  signal?: AbortSignal,
): Promise<Inspection> {
  const abortable = signal === undefined ? {} : { signal }
  const options = { maxOutputBytes: MAX_OUTPUT_BYTES, ...abortable }
  const found = parseInspection((await run(connection, inspectCommand(base, wish), options)).stdout)
  if (found.missingTools.length === 0) return found
  throw new FleetError('FLEET_NODE_MISSING_TOOL', `the node lacks ${found.missingTools.join(', ')}`, {
    remedy:
      'install it there (Debian: apt-get install curl util-linux coreutils tar), or put a program of that name into .bin below root, then push again',
  })
}
