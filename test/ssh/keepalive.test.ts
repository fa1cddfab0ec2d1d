// The question that a silent connection is asked: every kind of server has to answer it, however little it permits.
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startDropbear, whyNoDropbear } from './dropbear.ts'
import { startFakeServer } from './fake-server.ts'
import { startSshd, whyNoSshd } from './sshd.ts'
import { createWorkbench, errorOf, silence, type Workbench } from './workbench.ts'

const noSshd = whyNoSshd()
const noDropbear = whyNoDropbear()
for (const why of [noSshd, noDropbear])
  if (why !== undefined) process.stderr.write(`SKIPPED keepalives with a real server: ${why}\n`)

/** Twenty questions, five times as many as may stay unanswered. */
const INTERVAL_MS = 50
const SILENT_SECONDS = 1

describe('a connection on which nothing is said', () => {
  let bench: Workbench
  beforeEach(() => {
    bench = createWorkbench()
  })
  afterEach(() => {
    bench.remove()
  })
  const outlasts = async (server: { address: string; port: number }): Promise<void> => {
    const transport = bench.transport({ acceptNew: true, timers: { keepaliveMs: INTERVAL_MS } })
    const connection = await transport.connect(bench.target(server))
    expect((await connection.exec(`sleep ${SILENT_SECONDS}; echo alive`)).stdout).toBe('alive\n')
    await connection.close()
  }

  test.skipIf(noSshd !== undefined)('is kept by an OpenSSH that forbids every kind of forwarding', async () => {
    const sshd = await startSshd(bench, { config: ['DisableForwarding yes'] })
    onTestFinished(sshd.close)
    await outlasts(sshd)
  })

  test.skipIf(noSshd !== undefined)('is kept by an OpenSSH that restricts the key', async () => {
    const sshd = await startSshd(bench, { authorized: [`restrict ${bench.publicKey}`] })
    onTestFinished(sshd.close)
    await outlasts(sshd)
  })

  test.skipIf(noDropbear !== undefined).each([[[]], [['-j', '-k']]])(
    'is kept by a Dropbear with %j',
    async (options) => {
      const dropbear = await startDropbear(bench, options)
      onTestFinished(dropbear.close)
      await outlasts(dropbear)
    },
  )

  test('is kept by a server that grants what nobody else grants', async () => {
    const server = await startFakeServer({
      onClient: (client) => {
        client.on('request', (accept) => accept?.())
        client.on('session', (accept) => {
          accept().on('exec', (take) => {
            const channel = take()
            setTimeout(() => {
              channel.write('alive\n')
              channel.exit(0)
              channel.end()
            }, 1000 * SILENT_SECONDS)
          })
        })
      },
    })
    onTestFinished(server.close)
    await outlasts(server)
  })

  test('is lost when the questions stay unanswered', async () => {
    const server = await startFakeServer({
      // Never answered: neither accepted nor refused.
      onClient: (client) => {
        client.on('request', () => undefined)
        client.on('session', (accept) => void accept().on('exec', (take) => void take()))
      },
    })
    onTestFinished(server.close)
    const transport = bench.transport({ acceptNew: true, timers: { keepaliveMs: INTERVAL_MS } })
    const connection = await transport.connect(bench.target(server))
    const error = await errorOf(connection.exec('x', { stdin: silence(), stallMs: 0 }), 'FLEET_SSH_LOST')
    expect(error.message).toContain('Keepalive timeout')
    await connection.close()
  })
})
