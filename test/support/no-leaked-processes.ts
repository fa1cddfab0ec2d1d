// A run has a temporary folder of its own, which vanishes with it. A process that a test started and that is alive after all
// tests have ended fails the run; it is named and ended. The folder tells them from others: it is in the environment as
// TMPDIR, and whatever a test starts with an empty one works in the folder or names it in its command line.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const GRACE_MS = 5000

interface Process {
  readonly pid: number
  readonly commandLine: string
}

/** vitest calls `setup` before the first test and what it returns after the last one. */
export function setup(): (() => Promise<void>) | undefined {
  if (process.platform !== 'linux') return undefined
  const before = process.env['TMPDIR']
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'fleet-test-'))
  // Other users, such as nginx's, may have to get to what tests put below it.
  chmodSync(folder, 0o711)
  process.env['TMPDIR'] = folder
  return async () => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    const leaked = await remaining(folder)
    for (const { pid } of leaked) process.kill(pid, 'SIGKILL')
    removeFolder(folder)
    if (leaked.length === 0) return
    process.exitCode = 1
    const names = leaked.map(({ pid, commandLine }) => `  ${pid} ${commandLine}`)
    throw new Error(`expected no process of a test to be alive after the last test, found:\n${names.join('\n')}`)
  }
}

/** What is still there after a while in which it may end by itself. */
async function remaining(folder: string): Promise<readonly Process[]> {
  const deadline = performance.now() + GRACE_MS
  for (;;) {
    const found = processesMentioning(folder)
    if (found.length === 0 || performance.now() > deadline) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

// vitest's own workers have the environment too, and may end later than this look.
function processesMentioning(folder: string): Process[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const commandLine = factOf(entry, 'cmdline').replaceAll('\0', ' ').trim()
      if (commandLine === '' || /\bvitest\b/.test(commandLine)) return []
      const facts = [commandLine, factOf(entry, 'cwd'), factOf(entry, 'environ')]
      return facts.some((fact) => fact.includes(folder)) ? [{ pid: Number(entry), commandLine }] : []
    })
}

/** Empty for a process that has ended, or that is none of ours. */
function factOf(pid: string, name: 'cmdline' | 'cwd' | 'environ'): string {
  const path = `/proc/${pid}/${name}`
  try {
    return name === 'cwd' ? readlinkSync(path) : readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Also what is read-only, as releases are. */
function removeFolder(folder: string): void {
  spawnSync('chmod', ['-R', 'u+rwX', folder])
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
