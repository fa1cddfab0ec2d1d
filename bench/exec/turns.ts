// Lets programs take turns, so that whatever else the machine does hits all of them alike. One that fails is out, with its reason,
// and the others go on.
import { median } from '../statistics.ts'
import { timedRun, type TimedRun } from '../timed-run.ts'
import type { Contender } from './contenders.ts'

/** By the contender's name. */
export interface Turns {
  /** Why there are no figures; undefined when there are. */
  failure(name: string): string | undefined
  /** Medians of the counted runs, seconds. NaN for one that failed. */
  wallS(name: string): number
  cpuS(name: string): number
  /** Wall time of the run before the counted ones, which fills caches. NaN for one that failed. */
  firstS(name: string): number
}

export interface TurnOptions {
  /** Who need not be tried, and why. */
  readonly missing: ReadonlyMap<string, string>
  readonly runs: number
  readonly cwd: string
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** Throws only when the signal comes. */
export async function takeTurns(contenders: readonly Contender[], options: TurnOptions): Promise<Turns> {
  const { runs, cwd, signal, say } = options
  const failures = new Map(options.missing)
  const measured = new Map<string, TimedRun[]>(contenders.map(({ name }) => [name, []]))
  for (let run = 0; run <= runs; run += 1) {
    say(run === 0 ? 'a first run, not counted' : `run ${run} of ${runs}`)
    // Each run begins with another one, so that nobody always comes after the same neighbour.
    const first = run % contenders.length
    for (const { name, command, env } of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      if (failures.has(name)) continue
      try {
        measured.get(name)?.push(await timedRun(command, { signal, cwd, env }))
      } catch (error) {
        signal.throwIfAborted()
        failures.set(name, error instanceof Error ? error.message : String(error))
      }
    }
  }
  const counted = (name: string): readonly TimedRun[] => (failures.has(name) ? [] : (measured.get(name) ?? []).slice(1))
  return {
    failure: (name) => failures.get(name),
    wallS: (name) => median(counted(name).map(({ wallS }) => wallS)),
    cpuS: (name) => median(counted(name).map(({ cpuS }) => cpuS)),
    firstS: (name) => measured.get(name)?.[0]?.wallS ?? NaN,
  }
}
