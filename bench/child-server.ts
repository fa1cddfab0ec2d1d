// A server as a process of its own, ended when the block that started it ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ChildServer extends AsyncDisposable {
  readonly pid: number
  /** The first line that it printed on stdout; only when `awaitLine` was asked for. */
  readonly firstLine: string
}

/** Throws when it ends before its first line. */
export async function startServer(
  command: readonly [string, ...string[]],
  options: { readonly awaitLine: boolean },
): Promise<ChildServer> {
  const [program, ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
  const ended = once(child, 'close')
  const lines = createInterface(child.stdout)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  const pid = child.pid ?? NaN
  if (!options.awaitLine) return { pid, firstLine: '', [Symbol.asyncDispose]: stop }
  const first = await Promise.race([once(lines, 'line'), ended.then(() => undefined)])
  if (first === undefined) throw new Error(`expected ${program} to start, it said: ${said}`)
  return { pid, firstLine: String(first[0]), [Symbol.asyncDispose]: stop }
}
