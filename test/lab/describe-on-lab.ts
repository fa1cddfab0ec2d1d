// Suites that need real hosts. Where there can be none, one loud line says what was skipped and why.
import { describe } from 'vitest'
import { whyNoLab } from './lab.ts'

/** Like `describe`, but skipped with a line on stderr when labs cannot run on this machine. */
export function describeOnLab(name: string, suite: () => void): void {
  const reason = whyNoLab()
  if (reason !== undefined) process.stderr.write(`SKIPPED ${name}: ${reason}\n`)
  describe.skipIf(reason !== undefined)(name, suite)
}
