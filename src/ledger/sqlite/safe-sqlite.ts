// SQLite 3.7.0 to 3.51.2 can lose a commit when the WAL is reset at the wrong moment (https://sqlite.org/wal.html, "The WAL-Reset Bug"). It takes two connections,
// and a ledger has one; it is refused all the same, because a tool that looks into the file would be the second.
import { FleetError } from '../../core/index.ts'

const FIRST_SAFE = [3, 51, 3] as const

/** `version`: what `sqlite_version()` says, such as `3.53.4`. */
export function requireSafeSqlite(version: string): void {
  const found = version.split('.').map(Number)
  for (const [position, least] of FIRST_SAFE.entries()) {
    const part = found[position] ?? 0
    if (part > least) return
    if (!(part >= least)) throw tooOld(version)
  }
}

function tooOld(version: string): FleetError {
  return new FleetError(
    'FLEET_LEDGER_OLD_SQLITE',
    `expected SQLite ${FIRST_SAFE.join('.')} or later, this runtime has ${version}`,
    {
      remedy: 'run fleet with a current Node.js 24',
    },
  )
}
