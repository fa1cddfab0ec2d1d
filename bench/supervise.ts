// How soon a slot works again after its long-running worker was killed, and what waiting supervisors cost. Both kinds of
// supervisors live in one node of the lab, so that nothing of them is left; their workers are killed in turns.
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLab, whyNoLab, type Lab } from '../test/lab/lab.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { debianProgram } from './debian-program.ts'
import { atMostPlus, judge, shownBeside, unmeasured, type Figure } from './figure.ts'
import { median, quantile } from './statistics.ts'
import { watchBirths, type Births } from './supervise/births.ts'
import { startFleetSlots } from './supervise/fleet-slots.ts'
import { startRunsvServices } from './supervise/runsv-services.ts'
import { temporaryFolder } from './temporary-folder.ts'

const SLOTS = 16
const NAMES = Array.from({ length: SLOTS }, (_, index) => `p${String(index + 1).padStart(2, '0')}`)
/** From 10 s on the kit, like runsv from 1 s on, restarts at once; before, both wait. */
const LONG_RUN_MS = 10_300
/** A child that a supervisor has just forked looks like a second supervisor, until it becomes something else. */
const SETTLE_MS = 2000
const PEER = 'runsv'

export async function supervise({ signal, say, runs = 7 }: BenchmarkOptions): Promise<readonly Figure[]> {
  const figure = `restart after KILL, ${SLOTS} slots`
  const reason = whyNoLab()
  if (reason !== undefined) return [unmeasured(figure, 'ms', reason)]
  await using folder = await temporaryFolder()
  const runsv = await debianProgram('runsv', 'runit', folder.path)
  await using lab = await startLab({ nodes: 1 })
  await lab.run(1, `mkfifo ${lab.shared.onNodes}/births`)
  using births = watchBirths(join(lab.shared.here, 'births'), signal)
  const worker = `${lab.shared.onNodes}/worker`
  const script = `#!/bin/sh\necho "$1 $$" >${lab.shared.onNodes}/births\nexec sleep 1000000\n`
  await writeFile(join(lab.shared.here, 'worker'), script, { mode: 0o755 })

  const groups = ['ours']
  await startFleetSlots(lab, SLOTS, worker)
  if ('file' in runsv) {
    await startRunsvServices(lab, runsv.file, NAMES, worker)
    groups.push('runsv')
  }
  for (const group of groups) for (const name of NAMES) await births.next(`${group}/${name}`, 0)

  const latencies = new Map<string, number[]>(groups.map((group) => [group, []]))
  for (let run = 1; run <= runs; run += 1) {
    say(`round ${run} of ${runs}`)
    await sleep(LONG_RUN_MS, undefined, { signal })
    const pids = new Map(lab.processes(1).map(({ pid, pidInNode }) => [pidInNode, pid]))
    for (const name of NAMES) {
      for (const [group, tookMs] of latencies) tookMs.push(await killAndWait(births, `${group}/${name}`, pids))
    }
  }
  await sleep(SETTLE_MS, undefined, { signal })
  const missing = 'missing' in runsv ? runsv.missing : undefined
  const bySupervisor = { ours: pssKb(lab, /\/slot\.sh /), runsv: pssKb(lab, /\/runsv\/runsv /) }
  return figuresOf(figure, latencies, missing, bySupervisor)
}

function figuresOf(
  figure: string,
  latencies: ReadonlyMap<string, readonly number[]>,
  missing: string | undefined,
  pss: Readonly<Record<'ours' | 'runsv', number>>,
): readonly Figure[] {
  const ours = latencies.get('ours') ?? []
  const theirs = latencies.get('runsv')
  const latency = (what: string, of: (tookMs: readonly number[]) => number): Figure =>
    judge({
      figure: `${figure}, ${what}`,
      unit: 'ms',
      ours: of(ours),
      peers: theirs === undefined ? {} : { [PEER]: of(theirs) },
      goal: atMostPlus(5, 'ms', PEER),
      note: missing ?? `of ${ours.length} restarts each`,
    })
  return [
    latency('median', median),
    latency('p99', (tookMs) => quantile(tookMs, 0.99)),
    judge({
      figure: `PSS of ${SLOTS} waiting supervisors`,
      unit: 'kB',
      ours: pss.ours,
      peers: theirs === undefined ? {} : { [PEER]: pss.runsv },
      goal: shownBeside(PEER),
      note: missing,
    }),
  ]
}

/** Milliseconds from the KILL to the first words of the next worker. */
async function killAndWait(births: Births, name: string, pids: ReadonlyMap<number, number>): Promise<number> {
  const pid = pids.get(births.last(name)?.pid ?? NaN)
  if (pid === undefined) throw new Error(`expected a living worker in ${name}`)
  const killedMs = performance.now()
  process.kill(pid, 'SIGKILL')
  return (await births.next(name, killedMs)).atMs - killedMs
}

/** Proportional set size (proc(5), smaps_rollup) of all processes of the node whose command line matches; the kernel's kB are 1,024 bytes. */
function pssKb(lab: Lab, command: RegExp): number {
  const found = lab.processes(1).filter((process) => command.test(process.command))
  const sizes = found.map(({ pid }) => /^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1])
  return (sizes.reduce((sum, size) => sum + Number(size), 0) * 1024) / 1000
}
