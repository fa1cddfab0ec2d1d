// What a process has cost so far. Unlike rates it hardly depends on what else the machine does.
import { readFileSync } from 'node:fs'

/** Ticks of utime and stime; Linux shows 100 a second to every program (proc(5)). */
const TICK_MS = 10

/** User and system time of all threads of `pid`, milliseconds. Throws when there is no such process. */
export function cpuTimeMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15 of the whole line.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
