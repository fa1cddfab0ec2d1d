// A job in the background (`fleet push &`) has a terminal, and the kernel stops it silently as soon as it changes that terminal's
// mode or reads from it. Such a job must not ask.
import { readFileSync } from 'node:fs'

/** True when another job has the terminal. Where the system does not tell (only Linux does): false. */
export function isInBackground(): boolean {
  try {
    return isBackground(readFileSync('/proc/self/stat', 'utf8'))
  } catch {
    return false
  }
}

/** proc_pid_stat(5): pid (name) state ppid pgrp session tty_nr tpgid. The name may hold anything. */
function isBackground(stat: string): boolean {
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(foreground) > 0 && foreground !== group
}
