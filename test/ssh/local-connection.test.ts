import { describe, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { createLocalConnection } from '../../src/ssh/index.ts'
import { transportContract } from './transport-contract.ts'
import { errorOf, eventually, isAlive } from './workbench.ts'

const node = parseNodeName('control')

transportContract('this machine', () =>
  Promise.resolve({
    transport: {
      connect: (target) => Promise.resolve(createLocalConnection(target.node)),
      close: () => Promise.resolve(),
    },
    target: { node, address: 'localhost', port: 1, user: 'me', identities: [] },
    close: () => Promise.resolve(),
  }),
)

describe('the local connection', () => {
  test('ends the whole process group of an aborted command', async () => {
    const connection = createLocalConnection(node)
    const controller = new AbortController()
    let pid = 0
    const onStdout = (chunk: Buffer): void => {
      pid = Number(chunk.toString())
      controller.abort()
    }
    await errorOf(
      connection.exec('sleep 100 & echo $!; wait', { signal: controller.signal, onStdout }),
      'FLEET_SSH_ABORTED',
    )
    await eventually(() => !isAlive(pid), 'the background process ends')
    await connection.close()
    await eventually(() => !process.getActiveResourcesInfo().includes('ProcessWrap'), 'no child is left')
  })

  test('closing kills a command that ignores TERM, after a grace', async () => {
    const connection = createLocalConnection(node)
    let pid = 0
    const call = errorOf(
      connection.exec('trap "" TERM; echo $$; while :; do sleep 0.1; done', {
        onStdout: (chunk) => void (pid = Number(chunk)),
      }),
      'FLEET_SSH_CLOSED',
    )
    await eventually(() => pid > 0, 'the command runs')
    await connection.close()
    await call
    await eventually(() => !isAlive(pid), 'the command ends')
  })
})
