// Output that is shown when all nodes have ended, equal ones once. Memory follows the number of different outputs: what is
// equal to something that is kept already is let go of as soon as its node has ended.
import { createHash } from 'node:crypto'
import { FleetError, formatSize } from '../../core/index.ts'
import type { OutputSink } from '../../fleet/index.ts'

export interface Gathered {
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface Gatherer extends OutputSink {
  /** What arrived so far. */
  readonly end: () => Gathered
}

/** Of one stream of one node. Bytes. */
const MAX_GATHERED_BYTES = 16 * 1024 * 1024

/** Of all that is different. Bytes. */
const MAX_HELD_BYTES = 512 * 1024 * 1024

interface Held {
  bytes: number
  readonly limitBytes: number
}

export function createGathering(
  limitBytes = MAX_GATHERED_BYTES,
  heldBytes = MAX_HELD_BYTES,
): { readonly forNode: () => Gatherer } {
  const known = new Map<string, Buffer>()
  const held: Held = { bytes: 0, limitBytes: heldBytes }
  const intern = (bytes: Buffer): Buffer => {
    const key = createHash('sha256').update(bytes).digest('base64')
    const kept = known.get(key)
    if (kept === undefined) known.set(key, bytes)
    else held.bytes -= bytes.length
    return kept ?? bytes
  }
  return {
    forNode: () => {
      const stdout = createPile('stdout', limitBytes, held)
      const stderr = createPile('stderr', limitBytes, held)
      return {
        stdout: stdout.add,
        stderr: stderr.add,
        end: () => ({ stdout: intern(stdout.bytes()), stderr: intern(stderr.bytes()) }),
      }
    },
  }
}

function createPile(
  name: string,
  limitBytes: number,
  held: Held,
): { add: (chunk: Buffer) => void; bytes: () => Buffer } {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  return {
    add: (chunk) => {
      if (sizeBytes + chunk.length > limitBytes) throw muchError(`${formatSize(limitBytes)} of ${name}`)
      if (held.bytes + chunk.length > held.limitBytes)
        throw muchError(`${formatSize(held.limitBytes)} of different output of all nodes`)
      sizeBytes += chunk.length
      held.bytes += chunk.length
      chunks.push(chunk)
    },
    bytes: () => Buffer.concat(chunks),
  }
}

function muchError(most: string): FleetError {
  return new FleetError('FLEET_CLI_MUCH_OUTPUT', `expected at most ${most}, there was more; it is cut here`, {
    remedy: 'write it to files with --out DIR, or show it as it comes with --stream',
  })
}
