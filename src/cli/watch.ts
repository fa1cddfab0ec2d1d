// Looking at everything at once, and drawing it again and again in the same place.
import { toFleetError } from '../core/index.ts'
import {
  controlUrl,
  forEachNode,
  joinStatus,
  operatorClient,
  statusIfPresent,
  withConnection,
  type FleetStatus,
} from '../fleet/index.ts'
import type { Context } from './context.ts'

export interface Look {
  readonly found: FleetStatus
  readonly results: Parameters<typeof joinStatus>[2]
}

/** All nodes and the dispatcher side by side. Never throws because one of them does not answer. */
export async function lookAtAll(context: Context): Promise<Look> {
  const [dispatcher, results] = await Promise.all([
    lookAtDispatcher(context),
    forEachNode(context.nodes, context.parallel, (node) =>
      withConnection(context.transport, node, (connection) => statusIfPresent(connection, node.base)),
    ),
  ])
  return { found: joinStatus(context.config.job, dispatcher, results), results }
}

async function lookAtDispatcher({ config }: Context): Promise<FleetStatus['dispatcher']> {
  const url = controlUrl(config)
  try {
    const client = await operatorClient(config)
    try {
      return { url, status: await client.status() }
    } finally {
      await client.close()
    }
  } catch (error) {
    return { url, error: toFleetError(error) }
  }
}

const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

/** Draws over the last picture instead of clearing first, so that nothing flickers; what does not fit is cut in the middle. */
export function drawLines(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  if (!stream.isTTY) {
    stream.write(lines.map((line) => `${line}\n`).join(''))
    return
  }
  const fits = lines.length < stream.rows
  const shown = fits ? lines : [...lines.slice(0, Math.max(1, stream.rows - 4)), '...', ...lines.slice(-2)]
  stream.write(`${HOME}${shown.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`)
}
