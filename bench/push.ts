// One large file that no compression makes smaller, to every node: `fleet push` for the first time, `fleet push` with nothing
// changed, and scp under xargs. fleet verifies every file by SHA-256 and flushes it to the disk of the node; scp does neither.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { startLab, whyNoLab, type Lab } from '../test/lab/lab.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { atMost, judge, shownBeside, unmeasured, type Figure, type Goal } from './figure.ts'
import { sshOptions } from './ssh-options.ts'
import { median } from './statistics.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { timedRun, type TimedRun } from './timed-run.ts'

const FLEET = join(import.meta.dirname, '../bin/fleet')
const SIZE_BYTES = 50_000_000
const PEER = 'scp under xargs -P10'
const FLEET_YML = `job: bench
release: { files: [payload] }
worker: { kind: native, command: [/bin/true] }
`

interface Transfer extends TimedRun {
  /** What left this machine towards the nodes, headers included. */
  readonly sentBytes: number
}

export async function push({ signal, say, nodes = 10, runs = 3 }: BenchmarkOptions): Promise<readonly Figure[]> {
  const figure = `push 50 MB to ${nodes} nodes`
  const reason = whyNoLab()
  if (reason !== undefined) return [unmeasured(figure, 's', reason)]
  await using lab = await startLab({ nodes })
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'fleet.yml'), FLEET_YML)
  await writeFile(join(folder.path, 'inventory.yml'), lab.inventoryYml())
  const cwd = folder.path
  const fleetPush = async (outcome: string): Promise<Transfer> => {
    const argv = [FLEET, 'push', '--json', '--known-hosts', lab.knownHostsFile]
    const transfer = await counted(lab, () => timedRun(argv, { signal, cwd }))
    const found = transfer.stdout.split(`"${outcome}"`).length - 1
    if (found !== nodes) throw new Error(`expected ${nodes} nodes to be ${outcome}, got: ${transfer.stdout}`)
    return transfer
  }
  const scp = (): Promise<Transfer> => {
    const argv = ['xargs', '-P10', '-I{}', 'scp', '-q', ...sshOptions(lab), 'payload', 'root@{}:/root/payload']
    const stdin = `${lab.nodes.map(({ address }) => address).join('\n')}\n`
    return counted(lab, () => timedRun(argv, { signal, cwd, stdin }))
  }

  const first: Transfer[] = []
  const unchanged: Transfer[] = []
  const peers: Transfer[] = []
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}`)
    // New bytes each time, so that nothing of the last run is on the nodes.
    await writeFile(join(cwd, 'payload'), randomBytes(SIZE_BYTES))
    await settleDisk(signal)
    first.push(await fleetPush('pushed'))
    unchanged.push(await fleetPush('unchanged'))
    await settleDisk(signal)
    peers.push(await scp())
  }
  return figuresOf(figure, { first, unchanged, peers })
}

type Transfers = Readonly<Record<'first' | 'unchanged' | 'peers', readonly Transfer[]>>

function figuresOf(figure: string, { first, unchanged, peers }: Transfers): readonly Figure[] {
  const wall = ({ wallS }: Transfer): number => wallS
  const cpu = ({ cpuS }: Transfer): number => cpuS
  const sent = ({ sentBytes }: Transfer): number => sentBytes / 1e6
  const beside = (what: string, unit: string, ours: readonly Transfer[], of: (one: Transfer) => number, goal: Goal) =>
    judge({
      figure: `${figure}, ${what}`,
      unit,
      ours: median(ours.map(of)),
      peers: { [PEER]: median(peers.map(of)) },
      goal,
    })
  return [
    beside('first', 's', first, wall, atMost(0.75, PEER)),
    beside('first, CPU of the control side', 'CPU s', first, cpu, shownBeside(PEER)),
    beside('first, sent', 'MB', first, sent, shownBeside(PEER)),
    beside('unchanged', 's', unchanged, wall, atMost(0.4, PEER)),
    beside('unchanged, CPU of the control side', 'CPU s', unchanged, cpu, shownBeside(PEER)),
    beside('unchanged, sent', 'MB', unchanged, sent, shownBeside(PEER)),
  ]
}

async function counted(lab: Lab, run: () => Promise<TimedRun>): Promise<Transfer> {
  const before = sentBytes(lab)
  const timed = await run()
  return { ...timed, sentBytes: sentBytes(lab) - before }
}

/** By the counter of the lab's bridge, which all traffic to the nodes passes. */
function sentBytes(lab: Lab): number {
  const bridge = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ address }) => address === lab.controlAddress),
  )
  if (bridge === undefined) throw new Error(`expected an interface with the address ${lab.controlAddress}`)
  return Number(readFileSync(`/sys/class/net/${bridge[0]}/statistics/tx_bytes`, 'utf8'))
}

/** Whoever writes next shall not pay for what the last one left in memory. */
async function settleDisk(signal: AbortSignal): Promise<void> {
  await timedRun(['sync'], { signal })
}
