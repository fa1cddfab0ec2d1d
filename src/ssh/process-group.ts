// A shell command as the leader of its own process group, so that it can be ended together with everything that it started and
// that did not take leave (setsid).
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'

export interface ProcessGroup {
  readonly child: ChildProcessWithoutNullStreams
  /** Sends a signal to the whole group, as long as it is ours: until the leader has ended and nobody holds its output. `signal` without `SIG`, as SSH names them. */
  readonly signal: (signal: string) => void
  /** TERM, after `graceMs` KILL; our ends of the pipes are closed. Settles when the leader has ended. May be called twice. */
  readonly stop: (graceMs: number) => Promise<void>
  /** How the leader ended; rejects when it could not be started. */
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }>
}

const SIGNALS = {
  HUP: 'SIGHUP',
  INT: 'SIGINT',
  QUIT: 'SIGQUIT',
  KILL: 'SIGKILL',
  USR1: 'SIGUSR1',
  USR2: 'SIGUSR2',
  ALRM: 'SIGALRM',
  TERM: 'SIGTERM',
} as const

/** Runs `/bin/sh -c commandLine`. */
export function spawnGroup(
  commandLine: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): ProcessGroup {
  const child = spawn('/bin/sh', ['-c', commandLine], { ...options, detached: true, stdio: 'pipe' })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined)
  const ended = new Promise<{ exitCode: number | undefined; signal: string | undefined }>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      resolve({ exitCode: code ?? undefined, signal: signal?.replace(/^SIG/, '') })
    })
  })
  ended.catch(() => undefined)

  const send = (name: string): void => {
    const signal = Object.entries(SIGNALS).find(([short]) => short === name)?.[1]
    // A number that nobody uses any more may be given to somebody else.
    const hasEnded = child.exitCode !== null || child.signalCode !== null
    if (signal === undefined || child.pid === undefined || (hasEnded && child.stdout.closed && child.stderr.closed))
      return
    try {
      process.kill(-child.pid, signal)
    } catch {
      // The group is gone already.
    }
  }

  return {
    child,
    ended,
    signal: send,
    stop: async (graceMs) => {
      send('TERM')
      const timer = setTimeout(() => {
        send('KILL')
      }, graceMs)
      try {
        await ended
      } catch {
        // It never started.
      } finally {
        clearTimeout(timer)
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      }
    },
  }
}
