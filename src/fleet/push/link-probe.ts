// One measurement of the way to a node: how long a sample takes over the connection that will be used, through what will unpack it
// there, while the others are at work as they will be.
import type { NodeCommand } from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { runAnyway } from '../fleet-node.ts'
import type { Compression } from './pack.ts'
import { streamOf } from './stream-of.ts'

export interface Probe {
  /** Sends `bytes` once the node is ready. Milliseconds from the first byte sent until the node has counted the last one; undefined when it did not get `contentBytes` out of them. Once. */
  measure(bytes: Buffer, contentBytes: number): Promise<number | undefined>
}

/** Starts the command there, which takes longer than a sample on a fast link; so the next one starts while this one measures. */
export function startProbe(connection: Connection, compression: Compression, signal: AbortSignal | undefined): Probe {
  const ready = Promise.withResolvers<undefined>()
  const given = Promise.withResolvers<Buffer>()
  let printed = ''
  let startedMs = 0
  async function* sample(): AsyncGenerator<Buffer> {
    const [bytes] = await Promise.all([given.promise, ready.promise])
    startedMs = performance.now()
    yield bytes
  }
  const ended = runAnyway(connection, probeCommand(compression), {
    stdin: streamOf(sample()),
    onStdout: (chunk) => {
      printed += chunk.toString('latin1')
      ready.resolve(undefined)
    },
    ...(signal === undefined ? {} : { signal }),
  }).then((result) => ({ result, endedMs: performance.now() }))
  // Whoever measures hears of it.
  ended.catch(() => undefined)
  return {
    measure: async (bytes, contentBytes) => {
      given.resolve(bytes)
      const { result, endedMs } = await ended
      const isWhole = result.exitCode === 0 && printed.split(/\s+/).includes(String(contentBytes))
      return isWhole ? endedMs - startedMs : undefined
    },
  }
}

/** Says when it begins to read, and at the end how many bytes it got. The pipe costs what the one to tar will. */
function probeCommand(compression: Compression): NodeCommand {
  const script = compression === 'none' ? 'exec wc -c' : `${compression} -dc | wc -c`
  return { name: 'measure', script: `echo ready; ${script}`, args: [] }
}
