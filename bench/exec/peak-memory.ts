// How much memory a program on Node took at most. In runs of their own, so that the looking costs the timed ones nothing.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { timedRun } from '../timed-run.ts'
import type { Contender } from './contenders.ts'

const REPORT = new URL('../programs/peak-memory.ts', import.meta.url).href

/** MiB of resident memory at its peak. Throws when the run fails. */
export async function peakMemoryMib({ command, env }: Contender, folder: string, signal: AbortSignal): Promise<number> {
  const file = join(folder, 'peak')
  const options = { NODE_OPTIONS: `--import=${REPORT}`, FLEET_BENCH_PEAK_FILE: file }
  await timedRun(command, { signal, env: { ...env, ...options }, cwd: folder })
  return Number(await readFile(file, 'utf8')) / 1024
}
