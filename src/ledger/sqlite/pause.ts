// The switch that stops new leases. It lives in the file: a restarted dispatcher stays paused.
import type { Store } from './store.ts'

export function prepareSetPaused({ database }: Store): (paused: boolean) => void {
  const update = database.prepare('UPDATE ledger SET paused = ?')
  return (paused) => {
    update.run(paused ? 1 : 0)
  }
}
