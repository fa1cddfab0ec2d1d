// Many who want the operator lock at the same moment, under every shell there is.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import {
  commandLine,
  parseLockRefusal,
  parseLockState,
  releaseLockCommand,
  takeLockCommand,
  type NodeCommand,
} from '../../../src/node/index.ts'
import { shellsHere, type Shell } from '../shells.ts'
import { LockScene, request } from './lock-scene.ts'

const ROUNDS = process.env['FLEET_TEST_LONG'] === '1' ? 100 : 30
const shells = shellsHere()

async function runUnder(shell: Shell, command: NodeCommand): Promise<{ exitCode: number | null; stdout: string }> {
  const line = commandLine(command).replace(/^exec sh /, `exec '${shell.path}' `)
  const child = spawn(shell.path, ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { exitCode: child.exitCode, stdout }
}

it.skipIf(shells.length === 0)(
  `exactly one of many takers gets the lock, in each of ${ROUNDS} rounds, and the others hear of that one`,
  async () => {
    await using scene = new LockScene(shells[0]?.path ?? '/bin/sh')
    const { base } = scene.node
    const takers = [...shells, ...shells].map((shell, index) => ({ shell, name: `${shell.name}-${index}` }))
    for (let round = 1; round <= ROUNDS; round += 1) {
      const results = await Promise.all(
        takers.map(({ shell, name }) => runUnder(shell, takeLockCommand(base, request(`${name}-${round}`)))),
      )
      const [winner, ...others] = results.toSorted((a, b) => Number(a.exitCode) - Number(b.exitCode))
      expect(winner?.exitCode).toBe(0)
      const { epoch, holder } = parseLockState(winner?.stdout ?? '')
      expect(epoch).toBe(round)
      for (const other of others) {
        expect([other.exitCode, parseLockRefusal(other.stdout)]).toEqual([75, 'held'])
        expect(parseLockState(other.stdout)).toMatchObject({ epoch, holder: { token: holder?.token } })
      }
      await scene.node.run(releaseLockCommand(base, { epoch, token: holder?.token ?? '' }))
    }
  },
  180_000,
)
