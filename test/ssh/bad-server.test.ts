// Servers that misbehave before anything is agreed upon: each is told apart, ends in time, and leaves nothing open.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { createWorkbench, errorOf, eventually, openSockets, type Workbench } from './workbench.ts'

describe('a server that misbehaves', () => {
  let bench: Workbench
  let server: Server | undefined
  let dials = 0
  const sockets = new Set<Socket>()

  const listen = async (behave: (socket: Socket) => void): Promise<{ address: string; port: number }> => {
    server = createServer((socket) => {
      dials += 1
      sockets.add(socket)
      socket.on('error', () => undefined)
      behave(socket)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return { address: '127.0.0.1', port: address.port }
  }
  const timers = { connectMs: 500, bannerMs: 300, keyExchangeMs: 300, authMs: 300, backoffMs: [1, 2] as const }

  beforeEach(() => {
    bench = createWorkbench()
    dials = 0
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    if (server?.listening === true) {
      server.close()
      await once(server, 'close')
    }
    bench.remove()
    await eventually(() => openSockets() === 0, 'no socket is left')
  })

  test('by accepting and saying nothing runs into the timer of the greeting', async () => {
    const target = bench.target(await listen(() => undefined))
    const error = await errorOf(bench.transport({ timers, retries: 0 }).connect(target), 'FLEET_SSH_HANDSHAKE_TIMEOUT')
    expect(error.retryable).toBe(true)
    expect(error.message).toContain('to greet within 300 ms')
  })

  test('by falling silent after its greeting runs into the timer of the key exchange', async () => {
    const target = bench.target(await listen((socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')))
    const error = await errorOf(bench.transport({ timers, retries: 0 }).connect(target), 'FLEET_SSH_HANDSHAKE_TIMEOUT')
    expect(error.message).toContain('key exchange within 300 ms')
  })

  test.each([
    ['orderly', (socket: Socket) => void socket.end()],
    ['with a reset', (socket: Socket) => void socket.resetAndDestroy()],
    ['with a reset once we have spoken', (socket: Socket) => void socket.once('data', () => socket.resetAndDestroy())],
    ['after its greeting', (socket: Socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ])('by closing before the handshake, %s, is tried as often as was allowed', async (_how, behave) => {
    const target = bench.target(await listen(behave))
    const error = await errorOf(bench.transport({ timers, retries: 3 }).connect(target), 'FLEET_SSH_STARTUP_DROP')
    expect(dials).toBe(4)
    expect(error.message).toContain('4 attempts')
    expect(error.remedy).toContain('MaxStartups')
  })

  test('by refusing in plain words is quoted', async () => {
    const target = bench.target(await listen((socket) => void socket.end('Not allowed at this time\r\n')))
    const error = await errorOf(bench.transport({ timers, retries: 0 }).connect(target), 'FLEET_SSH_STARTUP_DROP')
    expect(error.message).toContain('"Not allowed at this time"')
  })

  test('by talking garbage after a greeting is not tried again', async () => {
    const target = bench.target(
      await listen(
        (socket) => void socket.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(5000, 0xff)])),
      ),
    )
    await errorOf(bench.transport({ timers, retries: 3 }).connect(target), 'FLEET_SSH_PROTOCOL')
    expect(dials).toBe(1)
  })

  test('by speaking another protocol version is not tried again', async () => {
    const target = bench.target(await listen((socket) => void socket.write('SSH-1.5-ancient\r\n')))
    await errorOf(bench.transport({ timers, retries: 3 }).connect(target), 'FLEET_SSH_PROTOCOL')
    expect(dials).toBe(1)
  })

  test('by not being there is refused', async () => {
    const at = await listen(() => undefined)
    server?.close()
    const error = await errorOf(bench.transport({ timers, retries: 1 }).connect(bench.target(at)), 'FLEET_SSH_REFUSED')
    expect(error.message).toContain(`n1 (root@127.0.0.1:${at.port})`)
    expect(error.retryable).toBe(true)
  })

  test('by having no address is a matter of names, not tried again', async () => {
    const error = await errorOf(
      bench.transport({ timers }).connect(bench.target({ address: 'no-such-host.invalid', port: 22 })),
      'FLEET_SSH_DNS',
    )
    expect(error.message).toContain('no-such-host.invalid')
  })

  test('is let go of when the call is aborted, in whatever phase', async () => {
    const at = await listen(() => undefined)
    const transport = bench.transport({ perEndpoint: 1 })
    const controller = new AbortController()
    const calls = ['n1', 'n2'].map((name) =>
      transport.connect(bench.target(at, { node: parseNodeName(name) }), { signal: controller.signal }),
    )
    const outcomes = Promise.all(calls.map((call) => errorOf(call, 'FLEET_SSH_ABORTED')))
    await eventually(() => dials === 1, 'one dials, the other waits for the seat')
    controller.abort()
    await outcomes
  })

  test('is not dialled when the known hosts cannot be read or there is no key to offer', async () => {
    const at = await listen(() => undefined)
    const folder = { files: [bench.folder], acceptNew: true }
    await errorOf(bench.transport({ knownHosts: folder }).connect(bench.target(at)), 'FLEET_SSH_KNOWN_HOSTS')
    await errorOf(bench.transport().connect(bench.target(at, { identities: [] })), 'FLEET_SSH_AUTH')
    const absent = await errorOf(
      bench.transport().connect(bench.target(at, { identities: [join(bench.folder, 'absent')] })),
      'FLEET_SSH_KEY_FILE',
    )
    expect(absent.message).toContain('no such file')
    const open = bench.write('open', 'x', 0o644)
    expect(
      (await errorOf(bench.transport().connect(bench.target(at, { identities: [open] })), 'FLEET_SSH_KEY_FILE')).remedy,
    ).toBe(`chmod 600 ${open}`)
    expect(dials).toBe(0)
  })

  test('an agent that never answers does not hold a connection up for ever', async () => {
    const at = await listen(() => undefined)
    const agent = join(bench.folder, 'mute')
    const mute = createServer((socket) => void socket.resume().on('error', () => undefined)).listen(agent)
    await once(mute, 'listening')
    const error = await errorOf(
      bench.transport({ timers }).connect(bench.target(at, { agent, identities: [] })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message).toContain('no answer within 300 ms')
    mute.close()
    await once(mute, 'close')
  })
})
