// The real command line in an operator's folder, as a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const FLEET = join(import.meta.dirname, '../../bin/fleet')
const LOOK_MS = 50

export interface FleetResult {
  /** A non-zero one is a result. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** From start to end of the process, Node's own start included. */
  readonly tookMs: number
  /** The most memory that the process held (VmHWM); undefined when it ended before anybody looked. */
  readonly peakMiB: number | undefined
}

/** Runs `fleet` in `folder`. Throws when it had no exit code. */
export async function runFleet(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<FleetResult> {
  const startedMs = performance.now()
  const child = spawn(FLEET, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let peakMiB: number | undefined
  const looking = setInterval(() => {
    peakMiB = peakOf(child.pid) ?? peakMiB
  }, LOOK_MS)
  try {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const { exitCode } = child
    if (exitCode === null)
      throw new Error(`${FLEET} ${args.join(' ')} was ended by ${String(child.signalCode)}: ${stderr}`)
    return { exitCode, stdout, stderr, tookMs: performance.now() - startedMs, peakMiB }
  } finally {
    clearInterval(looking)
  }
}

function peakOf(pid: number | undefined): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Math.round(Number(kib) / 1024)
  } catch {
    return undefined
  }
}
