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
export const MAX_GATHERED_BYTES = 16 * 1024 * 1024

export function createGathering(limitBytes = MAX_GATHERED_BYTES): { readonly forNode: () => Gatherer } {
  const known = new Map<string, Buffer>()
  const intern = (bytes: Buffer): Buffer => {
    const key = createHash('sha256').update(bytes).digest('base64')
    const kept = known.get(key) ?? bytes
    known.set(key, kept)
    return kept
  }
  return {
    forNode: () => {
      const stdout = createPile('stdout', limitBytes)
      const stderr = createPile('stderr', limitBytes)
      return {
        stdout: stdout.add,
        stderr: stderr.add,
        end: () => ({ stdout: intern(stdout.bytes()), stderr: intern(stderr.bytes()) }),
      }
    },
  }
}

function createPile(name: string, limitBytes: number): { add: (chunk: Buffer) => void; bytes: () => Buffer } {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  return {
    add: (chunk) => {
      sizeBytes += chunk.length
      if (sizeBytes > limitBytes) {
        throw new FleetError(
          'FLEET_CLI_MUCH_OUTPUT',
          `expected at most ${formatSize(limitBytes)} of ${name}, there was more`,
          {
            remedy: 'write it to files with --out DIR, or show it as it comes with --stream',
          },
        )
      }
      chunks.push(chunk)
    },
    bytes: () => Buffer.concat(chunks),
  }
}
