// Ways to bring a file to a node over ssh2 as fleet uses it: SFTP writes, several under way, against one stream to `cat`.
import { fileURLToPath } from 'node:url'
import type { Lab } from '../../test/lab/lab.ts'
import type { BenchmarkOptions } from '../benchmark.ts'
import { judge, shownBeside, type Figure } from '../figure.ts'
import { median } from '../statistics.ts'
import { timedRun, type TimedRun } from '../timed-run.ts'
import { ONE_FILE_MB } from './payloads.ts'

const PROGRAM = fileURLToPath(new URL('../programs/upload-way.ts', import.meta.url))
const CAT = 'stream to cat'
const WAYS: ReadonlyMap<string, readonly string[]> = new Map([
  [CAT, ['cat']],
  ['SFTP, 64 writes of 32 KiB', ['sftp', '64', '32768']],
  ['SFTP, 32 writes of 255 KiB', ['sftp', '32', '261120']],
])

/** Each way, again and again, in turns. Uploads to at most ten nodes, all at once. */
export async function uploadWayFigures(
  lab: Lab,
  { signal, say, runs = 3 }: BenchmarkOptions,
): Promise<readonly Figure[]> {
  const addresses = lab.nodes.slice(0, 10).map(({ address }) => address)
  const took = new Map<string, TimedRun[]>([...WAYS.keys()].map((name) => [name, []]))
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}`)
    for (const [name, way] of WAYS) {
      await timedRun(['sync'], { signal })
      const args = [lab.keyFile, String(ONE_FILE_MB), way.join(','), ...addresses]
      const timed = await timedRun([process.execPath, PROGRAM, ...args], { signal })
      say(`  ${name}: ${timed.wallS.toFixed(2)} s, ${timed.cpuS.toFixed(2)} CPU s`)
      took.get(name)?.push(timed)
    }
  }
  const figure = `${ONE_FILE_MB} MB to ${addresses.length} nodes by a ${CAT}`
  const row = (what: string, unit: string, value: (one: TimedRun) => number): Figure => {
    const all = [...took].map(([name, runsOf]) => [name, median(runsOf.map(value))] as const)
    const peers = Object.fromEntries(all.filter(([name]) => name !== CAT))
    const ours = all.find(([name]) => name === CAT)?.[1] ?? NaN
    return judge({ figure: `${figure}${what}`, unit, ours, peers, goal: shownBeside('SFTP, 64 writes of 32 KiB') })
  }
  return [row('', 's', ({ wallS }) => wallS), row(', CPU of the control side', 'CPU s', ({ cpuS }) => cpuS)]
}
