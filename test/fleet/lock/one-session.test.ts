// A server that takes one session at a time (MaxSessions 1): what is being sent takes it, and the lock is kept all the same.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/index.ts'
import { withOperatorLock } from '../../../src/fleet/lock/operator-lock.ts'
import { run, withConnection } from '../../../src/fleet/fleet-node.ts'
import { fenced } from '../../../src/node/index.ts'
import { startSshd, whyNoSshd } from '../../ssh/sshd.ts'
import { createWorkbench } from '../../ssh/workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED the operator lock over one session: ${missing}\n`)

describe.skipIf(missing !== undefined)('a node with MaxSessions 1', () => {
  it('keeps the lock while a command runs for longer than the lock is good, over a connection of its own', async () => {
    const bench = createWorkbench()
    const sshd = await startSshd(bench, { config: ['MaxSessions 1'] })
    const transport = bench.transport({ acceptNew: true })
    try {
      const base = join(bench.folder, 'photos')
      const target = bench.target(sshd)
      const node = { node: target.node, target, base, slots: 1, env: {} }
      const options = { command: 'fleet push', clock: systemClock, parallel: 1, waitMs: 0, createFolder: true }
      await withOperatorLock(transport, [node], { ...options, ttlMs: 9000 }, async (lock) => {
        const script = 'sleep 12\nfenced\n: >"$base/effect"\n'
        const command = fenced({ name: 'long', base, script, args: [] }, lock.claimOf(node.node))
        await withConnection(transport, node, (connection) => run(connection, command))
        expect(lock.claimOf(node.node)).toMatchObject({ epoch: 1 })
      })
    } finally {
      await transport.close()
      await sshd.close()
      bench.remove()
    }
  }, 60_000)
})
