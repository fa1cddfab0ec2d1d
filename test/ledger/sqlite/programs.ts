// The programs beside this file, as processes of their own that a test may kill.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PROGRAM_FILES = {
  hold: fileURLToPath(new URL('./programs/hold.ts', import.meta.url)),
  load: fileURLToPath(new URL('./programs/load.ts', import.meta.url)),
}

export interface RunningProgram {
  readonly process: ChildProcess
  /** Ends it with KILL, and settles when it is gone. */
  kill(): Promise<void>
}

/** Starts a program; what it prints goes to the file `output`. */
export function startProgram(
  name: keyof typeof PROGRAM_FILES,
  args: readonly string[],
  output: string,
): RunningProgram {
  const stdout = openSync(output, 'w')
  const child = spawn(process.execPath, [PROGRAM_FILES[name], ...args], { stdio: ['ignore', stdout, 'inherit'] })
  closeSync(stdout)
  const gone = once(child, 'exit')
  return {
    process: child,
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** The code of the error that opening `file` from another process gives, or `opened`. */
export function openElsewhere(file: string): string {
  return spawnSync(process.execPath, [PROGRAM_FILES.hold, file, 'once'], { encoding: 'utf8' }).stdout.trim()
}
