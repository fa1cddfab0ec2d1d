// The invariant itself: whatever is killed, in whatever order, two workers never meet in a slot. Each worker takes an
// exclusive marker that the kernel frees when it dies, and writes down an overlap if it cannot.
// FLEET_KILL_ROUNDS sets the number of kills for each shell (30 unless told).
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { JobOnDisk, pidsMentioning, readText, tryKill, until } from './job-on-disk.ts'
import { shellsHere } from './shells.ts'

const ROUNDS = Number(process.env['FLEET_KILL_ROUNDS'] ?? 30)
const SLOTS = 3
/** fd 7 is the marker; it is closed in children, so that it is free exactly when the worker itself is gone. */
const WORKER = `#!/bin/sh
exec 7>>"$PLACE/marker-$FLEET_SLOT"
flock -n 7 || { echo "overlap in $FLEET_SLOT by $$" >>"$PLACE/overlaps"; exit 9; }
echo "$FLEET_SLOT" >>"$PLACE/starts"
sleep 300 7>&- &
wait
`

describe.each(shellsHere())('under $name', (shell) => {
  test.concurrent(
    `${ROUNDS} random kills of keepers, supervisors and workers never make two workers in a slot`,
    async () => {
      await using job = new JobOnDisk({ shell, files: { worker: WORKER } })
      await job.want({ slots: SLOTS })
      const random = generator(20_261_122)
      for (let round = 0; round < ROUNDS; round += 1) {
        const slot = `p0${1 + Math.floor(random() * SLOTS)}`
        const victims = (['supervisor', 'worker'] as const).filter(() => random() < 0.6)
        const keepers = Array.from({ length: Math.floor(random() * 3) }, async () => job.keep())
        for (const role of victims) {
          const pid = job.pid(role, slot)
          if (pid !== undefined) tryKill(pid, 'SIGKILL')
        }
        await pause(random() * 100)
        await Promise.all(keepers)
      }
      await until(
        async () => {
          await job.keep()
          return (await job.status()).slots.every(({ state }) => state === 'running' || state === 'adopted')
        },
        () => readText(join(job.home, 'overlaps')),
        120_000,
      )
      expect(readText(join(job.home, 'overlaps'))).toBe('')
      expect(readText(join(job.home, 'starts')).trim().split('\n').length).toBeGreaterThan(SLOTS)
      await job.want({ state: 'down', mode: 'now' })
      await until(() => pidsMentioning(job.base).length === 0)
    },
    60_000 + ROUNDS * 2000,
  )
})

/** mulberry32: the same kills in every run of the suite, as far as the scheduler lets them be the same. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
