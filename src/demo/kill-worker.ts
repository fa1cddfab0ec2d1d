// Bad luck for the demo: ends a worker with KILL, as the out-of-memory killer would.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Kills the worker that sits in one slot of a home; returns its pid, or undefined when nobody sits there. */
export async function killWorker(home: string, job: string, slot: string): Promise<number | undefined> {
  const identity = await readFile(join(home, '.fleet', job, 'slots', slot, 'worker'), 'utf8').catch(() => '')
  const [pidText, start] = identity.trim().split(/\s+/)
  const pid = Number(pidText)
  // A process is its pid and its start time: a number alone may be somebody else's by now.
  if (!Number.isSafeInteger(pid) || pid < 2 || (await startTimeOf(pid)) !== start) return undefined
  try {
    process.kill(pid, 'SIGKILL')
    return pid
  } catch {
    return undefined
  }
}

/** Field 22 of /proc/PID/stat (proc(5)), counted after the command's closing parenthesis. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}
