// Whoever can write a user's ssh_config decides where that user's commands run. So OpenSSH refuses such a file (readconf.c,
// SSHCONF_CHECKPERM), and so do we.
import { readFileSync, type Stats } from 'node:fs'

const WRITABLE_BY_GROUP = 0o020
const WRITABLE_BY_OTHERS = 0o002

/** What is wrong with owner or mode of a file, or undefined. */
export function whyUnsafe(stats: Pick<Stats, 'uid' | 'gid' | 'mode'>, user: string): string | undefined {
  const own = process.getuid?.()
  if (own === undefined) return undefined
  if (stats.uid !== 0 && stats.uid !== own) return `found the owner ${stats.uid}`
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) return `found mode ${mode}`
  // A group of one's own is no other: Debian's OpenSSH allows it, because its users may have umask 002.
  if ((stats.mode & WRITABLE_BY_GROUP) !== 0 && !isOwnGroup(stats.gid, user)) return `found mode ${mode}`
  return undefined
}

function isOwnGroup(gid: number, user: string): boolean {
  const group = rows('/etc/group').find((fields) => fields[2] === String(gid))
  if (group === undefined) return false
  const members = (group[3] ?? '').split(',').filter((member) => member !== '')
  const primary = rows('/etc/passwd').filter((fields) => fields[3] === String(gid))
  return [...members, ...primary.map((fields) => fields[0] ?? '')].every((name) => name === user)
}

function rows(file: string): readonly (readonly string[])[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(':'))
  } catch {
    return []
  }
}
