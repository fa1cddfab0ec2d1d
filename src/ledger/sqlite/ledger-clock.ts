// Ledger time decides when a lease is over and when a retry is due. It starts at the wall time when the file is opened and then
// follows the monotonic clock, so an NTP step of hours, in either direction, neither ends every lease nor keeps one for ever.
//
//  - While the ledger is open, wall time is not looked at.
//  - It never runs backwards from one opening of a file to the next: the file keeps the latest moment at which it noted a retry, and an opening
//    starts from there if the wall clock is behind it. A retry therefore waits at most its own delay of open time, whatever the wall clock did.
//  - If the wall clock was put forward while the file was closed, retries come due early. Leases do not: an opening gives each its full ttl again.
//  - On Linux the monotonic clock stands still while a machine is suspended (clock_gettime(2)): the leases of a laptop that slept last longer, never shorter.
import type { Clock } from '../../core/index.ts'

/** `latestMs`: the latest ledger time that the file knows of. Whole milliseconds come out, never falling. */
export function createLedgerClock(clock: Clock, latestMs: number): () => number {
  const startMs = Math.max(Math.floor(clock.nowMs()), latestMs)
  const monotonicStartMs = clock.monotonicMs()
  return () => startMs + Math.floor(clock.monotonicMs() - monotonicStartMs)
}
