// Runs a whole process, from its start to its end, and says what it cost. The peer and fleet are measured by the same few lines.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { PassThrough } from 'node:stream'

export interface TimedRun {
  readonly wallS: number
  /** User and system time of the process and of all its descendants that were waited for. */
  readonly cpuS: number
  readonly stdout: string
}

export interface TimedRunOptions {
  readonly signal: AbortSignal
  readonly cwd?: string
  readonly stdin?: string
  /** Beside this process's own environment; undefined takes a name away. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

// POSIX `times`: the second line holds user and system time of the children.
const TIMER = 'exec 4>&3 3>&-; "$@" 4>&-; code=$?; times >&4; exit $code'

/** Throws when the command fails, with the end of its stderr, and when the signal comes: then its process group is ended first. */
export async function timedRun(command: readonly string[], options: TimedRunOptions): Promise<TimedRun> {
  options.signal.throwIfAborted()
  const begin = performance.now()
  const child = spawn('/bin/sh', ['-c', TIMER, 'sh', ...command], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // A group of its own, so that xargs and what it started can be ended together.
    detached: true,
  })
  const closed = once(child, 'close')
  const endGroup = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
  }
  options.signal.addEventListener('abort', endGroup, { once: true })
  const times = new PassThrough()
  child.stdio[3]?.on('data', (chunk: Buffer) => times.write(chunk)).on('end', () => times.end())
  child.stdin.on('error', () => undefined).end(options.stdin ?? '')
  try {
    const [stdout, stderr, cost] = await Promise.all([text(child.stdout), text(child.stderr), text(times), closed])
    const wallS = (performance.now() - begin) / 1000
    options.signal.throwIfAborted()
    if (child.exitCode !== 0) {
      throw new Error(`expected ${command.slice(0, 6).join(' ')} ... to succeed: ${stderr.trim().slice(-500)}`)
    }
    return { wallS, cpuS: childSeconds(cost), stdout }
  } finally {
    options.signal.removeEventListener('abort', endGroup)
  }
}

function childSeconds(times: string): number {
  const children = times.split('\n')[1] ?? ''
  let seconds = 0
  for (const [, minutes, rest] of children.matchAll(/(\d+)m([\d.]+)s/g)) seconds += Number(minutes) * 60 + Number(rest)
  return seconds
}
