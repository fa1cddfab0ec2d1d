// Connections that are cut, or fall silent, while we log in or afterwards: the right class, in bounded time, and nothing left open.
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { generateKeyPair, type Target } from '../../src/ssh/index.ts'
import { startFakeServer, type Behaviour, type FakeServer } from './fake-server.ts'
import { startSshd, whyNoSshd } from './sshd.ts'
import { createWorkbench, errorOf, eventually, openSockets, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED cuts of a real sshd: ${missing}\n`)

/** An upload without end, so that it is never over before it is cut. */
function endless(): Readable {
  const piece = Buffer.alloc(64 * 1024)
  return new Readable({
    read() {
      this.push(piece)
    },
  })
}

describe('a connection', () => {
  let bench: Workbench
  beforeEach(() => {
    bench = createWorkbench()
  })
  afterEach(async () => {
    bench.remove()
    await eventually(() => openSockets() === 0, 'no socket is left')
  })
  const start = async (behaviour: Behaviour): Promise<FakeServer> => {
    const server = await startFakeServer(behaviour)
    onTestFinished(server.close)
    return server
  }

  describe('during authentication', () => {
    test('on which the server falls silent runs into its timer', async () => {
      const server = await start({ onAuthentication: () => undefined })
      const transport = bench.transport({ acceptNew: true, timers: { authMs: 300 }, retries: 0 })
      const error = await errorOf(transport.connect(bench.target(server)), 'FLEET_SSH_HANDSHAKE_TIMEOUT')
      expect(error.message).toContain('to finish authentication within 300 ms')
      await server.close()
    })

    test.each([
      ['orderly', (socket: Socket) => void socket.end()],
      ['at once', (socket: Socket) => void socket.destroy()],
      ['with a reset', (socket: Socket) => void socket.resetAndDestroy()],
    ])('that is cut, %s, is lost, and tried twice more', async (_how, cut) => {
      const server = await start({
        onAuthentication: (context, socket) => {
          if (context.method === 'publickey') cut(socket)
          else context.reject(['publickey'])
        },
      })
      const transport = bench.transport({ acceptNew: true, timers: { backoffMs: [1, 2] } })
      const error = await errorOf(transport.connect(bench.target(server)), 'FLEET_SSH_LOST')
      expect(error.message).toContain(`n1 (root@127.0.0.1:${server.port})`)
      expect(error.message).toContain('3 attempts')
      expect(server.dials).toBe(3)
      await server.close()
    })
  })

  describe('after the login', () => {
    test('that ends while a channel is asked for is lost, for all who asked', async () => {
      const server = await start({
        onClient: (client, socket) => void client.on('session', () => void socket.destroy()),
      })
      const connection = await bench.transport({ acceptNew: true }).connect(bench.target(server))
      await Promise.all(Array.from({ length: 20 }, () => errorOf(connection.exec('x'), 'FLEET_SSH_LOST')))
      await connection.close()
      await server.close()
    })

    test('is gone for the next who asks, who gets a new one', async () => {
      const server = await start({
        onClient: (client, socket) => void client.on('session', () => void socket.destroy()),
      })
      const transport = bench.transport({ acceptNew: true })
      const first = await transport.connect(bench.target(server))
      await errorOf(first.exec('x'), 'FLEET_SSH_LOST')
      const second = await transport.connect(bench.target(server))
      expect(server.dials).toBe(2)
      await Promise.all([first.close(), second.close()])
      await server.close()
    })

    describe.skipIf(missing !== undefined)('during an upload to a real sshd', () => {
      test.each([
        ['SIGKILL', 'FLEET_SSH_LOST'],
        ['SIGSTOP', 'FLEET_SSH_STALLED'],
      ] as const)('whose process gets %s ends with %s', async (signal, code) => {
        const sshd = await startSshd(bench)
        onTestFinished(sshd.close)
        for (const via of [undefined, bench.target(sshd, { node: parseNodeName('hop') })]) {
          const transport = bench.transport({ acceptNew: true })
          const connection = await transport.connect(bench.target(sshd, via === undefined ? {} : { via }))
          const pid = Number((await connection.exec('echo $PPID')).stdout)
          let hasBegun = false
          const call = errorOf(
            connection.exec('head -c 5000000 | wc -c; cat > /dev/null', {
              stdin: endless(),
              stallMs: 1500,
              onStdout: () => void (hasBegun = true),
            }),
            code,
          )
          await eventually(() => hasBegun, 'the upload is under way')
          process.kill(pid, signal)
          await call
          await connection.close()
          if (signal === 'SIGSTOP') process.kill(pid, 'SIGKILL')
          await transport.close()
        }
      })
    })
  })

  describe('to a server that bans for a while', () => {
    /** Lets `right` in and nobody else; after a refusal it closes `drops` connections before it greets. */
    const startBanning = (right: Buffer, drops: number): Promise<FakeServer> => {
      let left = 0
      return start({
        onSocket: (socket) => {
          if (left === 0) return true
          left -= 1
          socket.end()
          return false
        },
        onAuthentication: (context, socket) => {
          if (context.method === 'publickey' && context.key.data.equals(right)) {
            context.accept()
            return
          }
          if (context.method === 'publickey') socket.once('close', () => (left = drops))
          context.reject()
        },
      })
    }
    const right = (): Buffer => Buffer.from(bench.publicKey.split(' ')[1] ?? '', 'base64')
    const wrongly = (server: FakeServer, changes: Partial<Target> = {}): Target =>
      bench.target(server, { identities: [bench.write('wrong', generateKeyPair().private)], ...changes })

    test('is tried again after the ban, with the backoff of a ban', async () => {
      const server = await startBanning(right(), 2)
      const transport = bench.transport({ acceptNew: true, timers: { penaltyMs: [150, 400], backoffMs: [1, 2] } })
      await errorOf(transport.connect(wrongly(server)), 'FLEET_SSH_AUTH')
      const startedMs = performance.now()
      const connection = await transport.connect(bench.target(server))
      expect(connection.facts?.attempts).toBe(3)
      // Two waits, of at least 150 and 300 ms.
      expect(performance.now() - startedMs).toBeGreaterThan(440)
      await connection.close()
      await server.close()
    })

    test('says that it is one when it lasts too long', async () => {
      const server = await startBanning(right(), 9)
      const transport = bench.transport({ acceptNew: true, retries: 1, timers: { penaltyMs: [20, 40] } })
      await errorOf(transport.connect(wrongly(server)), 'FLEET_SSH_AUTH')
      const error = await errorOf(transport.connect(bench.target(server)), 'FLEET_SSH_BANNED')
      expect(error.message).toContain('it has probably banned this machine')
      expect(error.remedy).toContain('PerSourcePenaltyExemptList')
      await server.close()
    })

    test('is not offered the same wrong key again under other names, and each is told so', async () => {
      const server = await startBanning(right(), 0)
      const transport = bench.transport({ acceptNew: true })
      const errors = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          errorOf(transport.connect(wrongly(server, { node: parseNodeName(`n${index}`) })), 'FLEET_SSH_AUTH'),
        ),
      )
      expect(server.dials).toBeLessThanOrEqual(2)
      errors.forEach((error, index) => expect(error.message).toContain(`n${index} (root@`))
      expect(errors.filter((error) => error.message.includes('was not asked again')).length).toBeGreaterThanOrEqual(18)
      // Another login is another matter.
      await (await transport.connect(bench.target(server))).close()
      await server.close()
    })
  })
})
