// One connection per node for all phases of a command.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { holdConnections } from '../../src/fleet/holding-transport.ts'
import {
  createSsh2Transport,
  generateKeyPair,
  startLoopbackNode,
  type LoopbackNode,
  type Target,
  type Transport,
} from '../../src/ssh/index.ts'
import { errorOf, eventually, openSockets } from '../ssh/workbench.ts'

describe('a transport that holds its connections', () => {
  let folder: string
  let server: LoopbackNode
  let target: Target
  let publicKey: string
  let transport: Transport

  const serve = (port?: number, hostKey?: string): Promise<LoopbackNode> =>
    startLoopbackNode({
      name: parseNodeName('n1'),
      home: folder,
      authorizedKey: publicKey,
      ...(port === undefined ? {} : { port }),
      ...(hostKey === undefined ? {} : { hostKey }),
    })
  const hostKey = generateKeyPair('host').private

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fleet-hold-'))
    const pair = generateKeyPair('holder')
    publicKey = pair.public
    writeFileSync(join(folder, 'id'), pair.private, { mode: 0o600 })
    server = await serve(undefined, hostKey)
    writeFileSync(join(folder, 'known_hosts'), `${server.hostKeyLine}\n`)
    target = {
      node: parseNodeName('n1'),
      address: server.address,
      port: server.port,
      user: 'demo',
      identities: [join(folder, 'id')],
    }
  })
  afterAll(async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  })
  const open = (most?: number): Transport =>
    holdConnections(
      createSsh2Transport({
        knownHosts: { files: [join(folder, 'known_hosts')], acceptNew: false },
        retries: 2,
        timers: { backoffMs: [20, 100] },
      }),
      most,
    )

  it('gives the same connection again after it was closed, and leaves no socket behind', async () => {
    const before = openSockets()
    transport = open()
    const first = await transport.connect(target)
    await first.close()
    const second = await transport.connect(target)
    expect(second.facts).toBe(first.facts)
    expect(await second.exec('echo hello')).toMatchObject({ stdout: 'hello\n' })
    await transport.close()
    await transport.close()
    await eventually(() => openSockets() === before, 'all sockets are closed')
  })

  it('ends the calls of whoever closes, and nobody else’s', async () => {
    transport = open()
    const [mine, other] = await Promise.all([transport.connect(target), transport.connect(target)])
    const lost = errorOf(mine.exec('sleep 20'), 'FLEET_SSH_CLOSED')
    await mine.close()
    await lost
    expect(await other.exec('echo still')).toMatchObject({ stdout: 'still\n' })
    await transport.close()
  })

  it('dials anew when the connection that it held is gone', async () => {
    transport = open()
    const first = await transport.connect(target)
    await first.close()
    await server.close()
    server = await serve(target.port, hostKey)
    await eventually(async () => {
      const again = await transport.connect(target).catch(() => undefined)
      if (again === undefined) return false
      const { stdout } = await again.exec('echo back').catch(() => ({ stdout: '' }))
      await again.close()
      return stdout === 'back\n' && again.facts !== first.facts
    }, 'the node answers again')
    const third = await transport.connect(target)
    const fourth = await transport.connect(target)
    expect(fourth.facts).toBe(third.facts)
    await transport.close()
  })

  it('holds no more than it may', async () => {
    transport = open(0)
    const first = await transport.connect(target)
    await first.close()
    const second = await transport.connect(target)
    expect(second.facts).not.toBe(first.facts)
    await transport.close()
  })

  it('gives nothing after it was closed', async () => {
    transport = open()
    await transport.close()
    await errorOf(transport.connect(target), 'FLEET_SSH_CLOSED')
  })
})
