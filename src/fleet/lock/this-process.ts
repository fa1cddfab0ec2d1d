// A run of the CLI as its own machine knows it: boot, namespace of pids, pid, and when that process started (proc(5)), because a pid alone
// is used again. Other runs on the machine can tell by it that this one is dead, and nobody else can.
import { readFileSync, readlinkSync } from 'node:fs'

/** `<boot id>:<pid namespace>:<pid>:<start time>`; empty where there is no /proc. */
export function thisProcess(): string {
  return processName(process.pid) ?? ''
}

/** True only when `name` is a process of this machine and boot that has certainly ended. Anything odd counts as alive. */
export function isDead(name: string): boolean {
  const [, place, pid, start] = /^(\S+:\S+):([1-9]\d{0,9}):(\d+)$/.exec(name) ?? []
  const here = placeOfPids()
  if (place === undefined || here === undefined || place !== here) return false
  try {
    // Also says that there is one where /proc hides the processes of others (proc(5), hidepid).
    process.kill(Number(pid), 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
  const found = stat(Number(pid))
  return found !== undefined && (found.start !== start || found.isZombie)
}

function processName(pid: number): string | undefined {
  const place = placeOfPids()
  const found = stat(pid)
  return place === undefined || found === undefined ? undefined : `${place}:${pid}:${found.start}`
}

/** In which boot and namespace a pid means what it says. */
function placeOfPids(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}:${readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')}`
  } catch {
    return undefined
  }
}

function stat(pid: number): { readonly start: string; readonly isZombie: boolean } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in brackets and may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const start = fields[19]
    return start === undefined ? undefined : { start, isZombie: fields[0] === 'Z' || fields[0] === 'X' }
  } catch {
    return undefined
  }
}
