// The root folder of a Debian 13 with OpenSSH 10, for suites that need its sshd rather than this machine's.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Makes it first when it is not there, which takes a minute. Undefined, after a line on stderr that names what was `skipped`, where it cannot. */
export function findTrixie(skipped: string): string | undefined {
  const made = spawnSync('sh', [join(import.meta.dirname, 'trixie.sh')], { encoding: 'utf8' })
  if (made.status === 0) return made.stdout.trim()
  process.stderr.write(`SKIPPED ${skipped}: ${made.stderr.trim()}\n`)
  return undefined
}
