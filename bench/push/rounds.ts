// Lets programs take turns at one case: a new payload for everybody, then perhaps the same again, then perhaps one change. A program
// that fails is out, with its reason, and the others go on. Nothing stays on the nodes longer than somebody needs it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../../test/lab/lab.ts'
import { median } from '../statistics.ts'
import { timedRun, type TimedRun } from '../timed-run.ts'
import { FLEET_PUSH, prepareJob, whyNotPushed, type Pusher } from './contenders.ts'
import { sentBytes } from './links.ts'
import type { WritePayload } from './payloads.ts'

export interface Step {
  readonly name: string
  readonly write: WritePayload
  /** Who takes part, by name, beside fleet. */
  readonly peers: readonly string[]
}

export interface RoundOptions {
  readonly lab: Lab
  readonly folder: string
  readonly runs: number
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Who need not be tried, and why. */
  readonly missing: ReadonlyMap<string, string>
}

export interface Measured extends TimedRun {
  /** Towards the nodes, headers included. */
  readonly sentBytes: number
}

/** By the names of steps and contenders. */
export interface Rounds {
  failure(name: string): string | undefined
  /** Median of the counted runs. NaN where there are none. */
  of(step: string, name: string, value: (measured: Measured) => number): number
  /** Of fleet's process, in the run before the counted ones. MB of 10^6 bytes. */
  peakMb(step: string): number
}

const PEAK_REPORT = new URL('../programs/peak-memory.ts', import.meta.url).href
const NODES_AT_ONCE = 10

/** Throws when the signal comes, or when the lab fails. */
export async function runRounds(
  steps: readonly Step[],
  fleet: Pusher,
  peers: readonly Pusher[],
  options: RoundOptions,
): Promise<Rounds> {
  const { lab, runs, say, signal } = options
  const failures = new Map(options.missing)
  const measured = new Map<string, Measured[]>()
  const peaks = new Map<string, number>()
  const key = (step: string, name: string): string => `${step}\n${name}`

  const turn = async (step: Step, pusher: Pusher, cwd: string, isFirstRun: boolean): Promise<void> => {
    // Whoever writes next shall not pay for what the last one left in memory.
    await timedRun(['sync'], { signal })
    try {
      const peakFile = join(cwd, 'peak')
      const report = { NODE_OPTIONS: `--import=${PEAK_REPORT}`, FLEET_BENCH_PEAK_FILE: peakFile }
      const env = isFirstRun ? { ...pusher.env, ...report } : pusher.env
      const before = sentBytes(lab)
      const timed = await timedRun(pusher.command, { signal, cwd, env })
      const one = { ...timed, sentBytes: sentBytes(lab) - before }
      const why = pusher.name === FLEET_PUSH ? whyNotPushed(timed.stdout, lab.nodes.length) : undefined
      if (why !== undefined) throw new Error(why)
      if (isFirstRun) peaks.set(step.name, (Number(await readFile(peakFile, 'utf8')) * 1024) / 1e6)
      else measured.set(key(step.name, pusher.name), [...(measured.get(key(step.name, pusher.name)) ?? []), one])
      say(`  ${pusher.name}, ${step.name}: ${timed.wallS.toFixed(2)} s, ${timed.cpuS.toFixed(2)} CPU s`)
    } catch (error) {
      signal.throwIfAborted()
      const why = error instanceof Error ? error.message : String(error)
      failures.set(pusher.name, why)
      say(`  ${pusher.name}, ${step.name}: failed: ${why}`)
    }
  }

  for (let run = 0; run <= runs; run += 1) {
    say(run === 0 ? 'a first run of fleet alone, for its memory' : `run ${run} of ${runs}`)
    const cwd = join(options.folder, `run-${run}`)
    await prepareJob(cwd, lab.inventoryYml())
    const all = run === 0 ? [fleet] : [fleet, ...peers.filter(({ isSlow }) => !isSlow || run === 1)]
    // Each run begins with another one, so that nobody always comes after the same neighbour.
    const order = [...all.slice(run % all.length), ...all.slice(0, run % all.length)]
    for (const [index, step] of steps.entries()) {
      await step.write(cwd)
      for (const pusher of order) {
        if (failures.has(pusher.name) || !takesPart(step, pusher)) continue
        if (index === 0) await onNodes(lab, `rm -rf ${pusher.target} && mkdir -p ${pusher.target}`)
        await turn(step, pusher, cwd, run === 0)
        if (!steps.slice(index + 1).some((later) => takesPart(later, pusher)))
          await onNodes(lab, `rm -rf ${pusher.target}`)
      }
    }
  }
  return {
    failure: (name) => failures.get(name),
    of: (step, name, value) => median((measured.get(key(step, name)) ?? []).map(value)),
    peakMb: (step) => peaks.get(step) ?? NaN,
  }
}

function takesPart(step: Step, { name }: Pusher): boolean {
  return name === FLEET_PUSH || step.peers.includes(name)
}

async function onNodes(lab: Lab, commandLine: string): Promise<void> {
  const numbers = lab.nodes.keys()
  const lane = async (): Promise<void> => {
    for (const index of numbers) await lab.run(index + 1, commandLine)
  }
  await Promise.all(Array.from({ length: NODES_AT_ONCE }, lane))
}
