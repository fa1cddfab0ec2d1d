// A shell command line with a terminal of its own, and what a person would see and type there. `script` of util-linux makes it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

export interface PseudoTerminal {
  /** Everything that stood on the screen so far. */
  readonly screen: () => string
  readonly type: (keys: string | Buffer) => void
  /** Returns when the screen holds `text`; throws when the command ended before, or after 20 s. */
  until(text: string, times?: number): Promise<void>
  /** Waits for the end of the command line; its exit code. */
  readonly ended: () => Promise<number | null>
}

export interface PseudoTerminalOptions {
  readonly folder: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Why there can be no such terminal here, or undefined. */
export function whyNoTerminal(): string | undefined {
  const { status } = spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore', timeout: 10_000 })
  return status === 0 ? undefined : 'script (util-linux) is missing, or makes no terminal'
}

/** `commandLine` is for sh. */
export function onTerminal(commandLine: string, { folder, env }: PseudoTerminalOptions): PseudoTerminal {
  const child = spawn('script', ['-qec', commandLine, '/dev/null'], {
    cwd: folder,
    env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  let screen = ''
  let isOver = false
  child.stdin.on('error', () => undefined)
  child.on('close', () => (isOver = true))
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (screen += text))
  return {
    screen: () => screen,
    type: (keys) => child.stdin.write(keys),
    until: async (text, times = 1) => {
      const deadline = performance.now() + 20_000
      while (screen.split(text).length <= times) {
        if (isOver || performance.now() > deadline)
          throw new Error(`expected ${JSON.stringify(text)} on the screen, it shows ${JSON.stringify(screen)}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    ended: async () => {
      const limit = setTimeout(() => child.kill('SIGKILL'), 25_000)
      const [code] = (await closed) as [number | null]
      clearTimeout(limit)
      return code
    },
  }
}
