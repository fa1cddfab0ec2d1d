// Puts an ID that the cursor has passed among the retries. The file notes the time at which it did (see ledger-clock.ts).
import type { Store } from './store.ts'

/** `delayMs`: whole milliseconds from now before the ID may be granted again. */
export function preparePostpone({ database, nowMs }: Store): (seq: number, delayMs: number) => void {
  const insert = database.prepare('INSERT INTO retry (seq, due_at_ms) VALUES (?, ?)')
  const noteTime = database.prepare('UPDATE ledger SET clock_at_ms = ?')
  return (seq, delayMs) => {
    const now = nowMs()
    insert.run(seq, now + delayMs)
    noteTime.run(now)
  }
}
