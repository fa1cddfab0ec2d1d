// Suites that need a program which not every machine has. Where it is missing, one loud line says what was skipped and why.
import { spawnSync } from 'node:child_process'

/** The absolute path of a program in PATH; undefined, after a line on stderr that names what was `skipped`, where there is none. */
export function findProgram(program: string, skipped: string): string | undefined {
  const path = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' }).stdout.trim()
  if (path !== '') return path
  process.stderr.write(`SKIPPED ${skipped}: ${program} is not installed\n`)
  return undefined
}

/** The condition of a `describe.skipIf`; says the same as `findProgram`. */
export function isMissing(program: string, skipped: string): boolean {
  return findProgram(program, skipped) === undefined
}
