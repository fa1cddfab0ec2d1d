// A real full disk: a small tmpfs, which only root may mount. Elsewhere group-commit.test.ts has the limit of pages in its place.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/index.ts'
import { openSqliteLedger } from '../../../src/ledger/index.ts'
import { completed, expectSound, id, mention, seat, TTL_MS } from '../contract/fixture.ts'
import { policy } from './plain-policy.ts'
import { openElsewhere } from './programs.ts'

const disk = mkdtempSync(join(tmpdir(), 'fleet-full-'))
const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', disk])
const isMounted = mounted.status === 0
if (!isMounted) {
  rmdirSync(disk)
  const [reason] = (mounted.error?.message ?? mounted.stderr.toString()).trim().split('\n')
  process.stderr.write(`SKIPPED the ledger on a full disk: no tmpfs could be mounted (${reason ?? ''})\n`)
}

afterAll(() => {
  spawnSync('/bin/umount', ['-l', disk])
  rmdirSync(disk)
})

test.skipIf(!isMounted)(
  'while the disk is full calls are refused as unavailable; when it is not, the ledger goes on by itself',
  async () => {
    const file = join(disk, 'ledger.db')
    const ledger = await openSqliteLedger({ file, policy, clock: systemClock, random: Math.random })
    const rows = (from: number) =>
      Array.from({ length: 1000 }, (_, index) => ({
        id: id(`u${from + index}`),
        payload: '"0123456789012345678901234567890123456789"',
      }))
    await ledger.import(rows(0))
    const granted = await ledger.lease(seat('n/p01'), TTL_MS)
    if (granted.kind !== 'leased') throw new Error('expected a lease')

    fillUp(join(disk, 'ballast'))
    const before = await importUntilRefused()
    const refused = { code: 'FLEET_LEDGER_UNAVAILABLE', retryable: true, message: mention(file) }
    await expect(ledger.import(rows(900_000))).rejects.toMatchObject(refused)
    expect((await ledger.status()).ids.imported).toBe(before)
    expect(await ledger.verify()).toEqual([])
    expect(openElsewhere(file)).toBe('FLEET_LEDGER_LOCKED')

    rmSync(join(disk, 'ballast'))
    expect(await ledger.settle(completed(granted.lease))).toEqual({ kind: 'settled', state: 'done', replayed: false })
    expect(await ledger.import(rows(900_000))).toEqual({ added: 1000, duplicates: 0 })
    expect((await ledger.status()).ids).toMatchObject({ imported: before + 1000, done: 1 })
    await expectSound(ledger)
    expect(openElsewhere(file)).toBe('FLEET_LEDGER_LOCKED')
    await ledger.close()

    const again = await openSqliteLedger({ file, policy, clock: systemClock, random: Math.random })
    expect((await again.status()).ids).toMatchObject({ imported: before + 1000, done: 1 })
    await expectSound(again)
    await again.close()
    rmSync(file)

    /** Returns how many IDs the ledger had acknowledged when it refused. */
    async function importUntilRefused(): Promise<number> {
      for (let count = 1000; ; count += 1000) {
        try {
          await ledger.import(rows(count))
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'FLEET_LEDGER_UNAVAILABLE' })
          return count
        }
      }
    }
  },
)

function fillUp(file: string): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(65_536), { flag: 'a' })
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'ENOSPC' })
  }
}
