// What every benchmark is given and gives back.
import type { Figure } from './figure.ts'

export interface BenchmarkOptions {
  /** Ends everything that is under way; a benchmark cleans up and throws. */
  readonly signal: AbortSignal
  /** A line for whoever waits. */
  readonly say: (line: string) => void
  /** How often each thing is measured, from 1; the benchmark's own number when left out. */
  readonly runs?: number
  /** Nodes of the lab, from 1; the benchmark's own number when left out. */
  readonly nodes?: number
  /** Only these cases of the benchmark, by name; all of them when left out. A benchmark without cases does not look at it. */
  readonly cases?: readonly string[]
}

export type Benchmark = (options: BenchmarkOptions) => Promise<readonly Figure[]>
