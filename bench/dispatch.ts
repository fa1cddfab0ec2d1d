// How many IDs a second the dispatcher can take back and hand out, each answer durable before it is given, with many workers on
// kept-alive connections from another process (this one). Beside it beanstalkd, and what one flush for each pair would allow.
import { beanstalkdLoad } from './dispatch/beanstalkd-load.ts'
import type { Drive } from './dispatch/drive.ts'
import { fleetLoad } from './dispatch/fleet-load.ts'
import { oneTransactionLoad } from './dispatch/one-transaction-load.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { debianProgram } from './debian-program.ts'
import { atLeast, judge, shownBeside, type Figure } from './figure.ts'
import { median } from './statistics.ts'
import { temporaryFolder } from './temporary-folder.ts'

const CLIENTS = [64, 500]
const IDS = 100_000
/** Enough for the seconds that a run takes; at one flush each, more would only take longer to put in. */
const JOBS = 40_000
const BEANSTALKD = 'beanstalkd -f0'
const ONE_BY_ONE = 'SQLite, one flush per pair'

export async function dispatch({ signal, say, runs = 3 }: BenchmarkOptions): Promise<readonly Figure[]> {
  await using folder = await temporaryFolder()
  const beanstalkd = await debianProgram('beanstalkd', 'beanstalkd', folder.path)
  const figures: Figure[] = []
  for (const clients of CLIENTS) {
    const ours: Drive[] = []
    const peers = new Map<string, Drive[]>()
    const addPeer = (name: string, result: Drive): void => void peers.set(name, [...(peers.get(name) ?? []), result])
    for (let run = 1; run <= runs; run += 1) {
      say(`${clients} clients, run ${run} of ${runs}`)
      ours.push(await fleetLoad(clients, IDS, signal))
      if ('file' in beanstalkd) addPeer(BEANSTALKD, await beanstalkdLoad(beanstalkd.file, clients, JOBS, signal))
      addPeer(ONE_BY_ONE, await oneTransactionLoad(IDS))
      signal.throwIfAborted()
    }
    figures.push(...figuresOf(clients, ours, peers, 'missing' in beanstalkd ? beanstalkd.missing : undefined))
  }
  return figures
}

function figuresOf(
  clients: number,
  ours: readonly Drive[],
  peers: ReadonlyMap<string, readonly Drive[]>,
  missing: string | undefined,
): readonly Figure[] {
  const name = `complete+next, ${clients} clients`
  const medians = (of: (drive: Drive) => number) => ({
    ours: median(ours.map(of)),
    peers: Object.fromEntries([...peers].map(([peer, drives]) => [peer, median(drives.map(of))])),
  })
  return [
    judge({
      figure: name,
      unit: 'pairs/s',
      ...medians((drive) => drive.pairsPerS),
      goal: atLeast(4, BEANSTALKD),
      note: missing,
    }),
    judge({ figure: `${name}, p50`, unit: 'ms', ...medians((drive) => drive.p50Ms), goal: shownBeside(BEANSTALKD) }),
    judge({ figure: `${name}, p99`, unit: 'ms', ...medians((drive) => drive.p99Ms), goal: shownBeside(BEANSTALKD) }),
    judge({
      figure: `${name}, CPU of the server`,
      unit: 'us/pair',
      ...medians((drive) => drive.cpuUs),
      goal: shownBeside(BEANSTALKD),
    }),
  ]
}
