import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { generateKeyPair, startLoopbackNode, type LoopbackNode } from '../../src/ssh/index.ts'
import { transportContract } from './transport-contract.ts'
import { createWorkbench, errorOf, eventually, isAlive, openSockets, type Workbench } from './workbench.ts'

transportContract('a loopback node behind ssh2', async () => {
  const bench = createWorkbench()
  const node = await startLoopbackNode({
    name: parseNodeName('n1'),
    home: bench.folder,
    authorizedKey: bench.publicKey,
  })
  bench.write('known_hosts', `${node.hostKeyLine}\n`)
  return {
    transport: bench.transport(),
    target: bench.target(node),
    close: async () => {
      await node.close()
      bench.remove()
    },
  }
})

describe('a loopback node', () => {
  let bench: Workbench
  let node: LoopbackNode
  beforeEach(async () => {
    bench = createWorkbench()
    node = await startLoopbackNode({ name: parseNodeName('n1'), home: bench.folder, authorizedKey: bench.publicKey })
    bench.write('known_hosts', `${node.hostKeyLine}\n`)
  })
  afterEach(async () => {
    await node.close()
    bench.remove()
  })

  test('runs commands in its home with a clean environment', async () => {
    process.env['FLEET_TEST_LEAK'] = 'leaked'
    const connection = await bench.transport().connect(bench.target(node))
    const { stdout } = await connection.exec('pwd; echo $HOME; echo "[${FLEET_TEST_LEAK-}]"; printf x > here')
    delete process.env['FLEET_TEST_LEAK']
    await connection.close()
    expect(stdout).toBe(`${bench.folder}\n${bench.folder}\n[]\n`)
    expect(readFileSync(join(bench.folder, 'here'), 'utf8')).toBe('x')
  })

  test('lets in nobody but the one key', async () => {
    const other = bench.write('other', generateKeyPair().private)
    const error = await errorOf(
      bench.transport().connect(bench.target(node, { identities: [other] })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message).toContain(other)
    expect(error.retryable).toBe(false)
  })

  test('closing it ends what belongs to a channel, and spares what called setsid', async () => {
    const connection = await bench.transport().connect(bench.target(node))
    let heard = ''
    const pidOf = (what: string): number => Number(new RegExp(`${what}=(\\d+)\n`).exec(heard)?.[1] ?? 0)
    const script = `setsid sh -c 'echo spared=$$; exec sleep 100 >/dev/null 2>&1' &
      sleep 100 & echo background=$!
      trap "" TERM; echo leader=$$; wait; sleep 100`
    const call = connection.exec(script, { onStdout: (chunk) => void (heard += chunk.toString()) })
    const outcome = call.catch((error: unknown) => error)
    await eventually(() => [...heard.matchAll(/=\d+\n/g)].length === 3, 'three pids')
    await node.close()
    expect(await outcome).toMatchObject({ code: 'FLEET_SSH_LOST' })
    const spared = pidOf('spared')
    await eventually(() => !isAlive(pidOf('background')) && !isAlive(pidOf('leader')), 'the channel processes end')
    expect(isAlive(spared)).toBe(true)
    process.kill(spared)
    await connection.close()
  })

  test('its end is the end of every call at once', async () => {
    const connection = await bench.transport().connect(bench.target(node))
    const calls = Promise.allSettled([1, 2, 3].map(() => connection.exec('echo up; sleep 100')))
    await connection.exec('true')
    await node.close()
    for (const outcome of await calls) expect(outcome).toMatchObject({ status: 'rejected' })
    await errorOf(connection.exec('true'), 'FLEET_SSH_LOST')
    await connection.close()
  })

  test('nothing stays open after a connection and a node were closed', async () => {
    const before = openSockets()
    const connections = await Promise.all(
      Array.from({ length: 10 }, () => bench.transport().connect(bench.target(node))),
    )
    await Promise.all(connections.map((connection) => connection.exec('true')))
    await Promise.all(connections.map((connection) => connection.close()))
    await node.close()
    await eventually(() => openSockets() <= before, 'sockets are closed')
  })
})
