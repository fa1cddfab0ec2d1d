// How long `fleet --help` takes beside Node alone: what every command costs before it does anything.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atMostPlus, judge, type Figure } from '../figure.ts'
import { median } from '../statistics.ts'
import { timedRun } from '../timed-run.ts'

const FLEET = fileURLToPath(new URL('../../bin/fleet', import.meta.url))
const PEER = 'node -e 0'

/** `runs`: from 1; turns of both. */
export async function helpFigure(folder: string, runs: number, signal: AbortSignal): Promise<Figure> {
  const env = { XDG_CACHE_HOME: join(folder, 'cache') }
  const ours: number[] = []
  const peers: number[] = []
  // Run 0 is not counted: it fills the cache of compiled code, and that of the disk for both.
  for (let run = 0; run <= runs; run += 1) {
    const [mine, node] = [
      await timedRun([FLEET, '--help'], { signal, env }),
      await timedRun([process.execPath, '-e', '0'], { signal, env }),
    ]
    if (run === 0) continue
    ours.push(mine.wallS * 1000)
    peers.push(node.wallS * 1000)
  }
  return judge({
    figure: 'fleet --help',
    unit: 'ms',
    ours: median(ours),
    peers: { [PEER]: median(peers) },
    goal: atMostPlus(60, 'ms', PEER, 1.3),
  })
}
