// A run fails when a process that a test started is alive after all tests have ended; it is named and ended. A mark in
// the environment tells them from others; everything inherits it except what starts with an empty environment.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

const MARK = 'FLEET_TEST_RUN'
const GRACE_MS = 5000

/** vitest calls `setup` before the first test and what it returns after the last one. */
export function setup(): (() => Promise<void>) | undefined {
  if (process.platform !== 'linux') return undefined
  const mark = randomUUID()
  process.env[MARK] = mark
  return async () => {
    const deadline = performance.now() + GRACE_MS
    let leaked = processesWith(mark)
    while (leaked.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      leaked = processesWith(mark)
    }
    if (leaked.length === 0) return
    process.exitCode = 1
    const names = leaked.map(({ pid, commandLine }) => `  ${pid} ${commandLine}`)
    for (const { pid } of leaked) process.kill(pid, 'SIGKILL')
    throw new Error(`expected no process of a test to be alive after the last test, found:\n${names.join('\n')}`)
  }
}

// vitest's own workers carry the mark too, and may end later than this look.
function processesWith(mark: string): { pid: number; commandLine: string }[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      try {
        if (!readFileSync(`/proc/${entry}/environ`, 'utf8').includes(`${MARK}=${mark}`)) return []
        const commandLine = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return commandLine === '' || /\bvitest\b/.test(commandLine) ? [] : [{ pid: Number(entry), commandLine }]
      } catch {
        return []
      }
    })
}
