// From a target to an open connection: names with several addresses, IPv6, and places that do not answer.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startSshd, whyNoSshd } from './sshd.ts'
import { createWorkbench, errorOf, eventually, openSockets, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED addresses of a real sshd: ${missing}\n`)

const ipv4 = (...addresses: string[]) => addresses.map((address) => ({ address, family: 4 }))

/** Takes the place of a machine that swallows packets: what listens there stands still, and its queue is full. */
async function listenSilently(address: string, port: number): Promise<() => Promise<void>> {
  const program = `require('node:net').createServer().listen({ host: '${address}', port: ${port}, backlog: 1 }, () => console.log('on'))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  const fillers = Array.from({ length: 4 }, () => connect(port, address).on('error', () => undefined))
  await Promise.race(fillers.map((filler) => once(filler, 'connect')))
  return async () => {
    for (const filler of fillers) filler.destroy()
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

describe('an address', () => {
  let bench: Workbench
  const stops: (() => Promise<void>)[] = []
  const silence = async (address: string, port: number): Promise<void> => {
    stops.push(await listenSilently(address, port))
  }
  beforeEach(() => {
    bench = createWorkbench()
  })
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()))
    bench.remove()
    await eventually(() => openSockets() === 0, 'no socket is left')
  })

  test('that swallows every packet is a connect timeout, on time', async () => {
    const port = await freePort()
    await silence('127.0.0.2', port)
    const transport = bench.transport({ timers: { connectMs: 400 }, retries: 0 })
    const startedMs = performance.now()
    const error = await errorOf(
      transport.connect(bench.target({ address: '127.0.0.2', port })),
      'FLEET_SSH_CONNECT_TIMEOUT',
    )
    expect(error.message).toContain('no answer within 400 ms')
    expect(performance.now() - startedMs).toBeLessThan(5000)
  })

  test('of a target may have a timer of its own', async () => {
    const port = await freePort()
    await silence('127.0.0.2', port)
    const target = bench.target({ address: '127.0.0.2', port }, { connectTimeoutMs: 200 })
    const error = await errorOf(bench.transport({ retries: 0 }).connect(target), 'FLEET_SSH_CONNECT_TIMEOUT')
    expect(error.message).toContain('within 200 ms')
  })

  test('in IPv6 stands in brackets in messages', async () => {
    const port = await freePort()
    const error = await errorOf(
      bench.transport({ retries: 0 }).connect(bench.target({ address: '::1', port })),
      'FLEET_SSH_REFUSED',
    )
    expect(error.message).toContain(`n1 (root@[::1]:${port})`)
  })

  test('that the resolver never tells is given up in time', async () => {
    const lookUp = (): Promise<never> => new Promise(() => undefined)
    const transport = bench.transport({ lookUp, timers: { dnsMs: 100 }, retries: 0 })
    const error = await errorOf(transport.connect(bench.target({ address: 'a.test', port: 22 })), 'FLEET_SSH_DNS')
    expect(error.message).toContain('the resolver did not answer within 100 ms')
  })

  test('of which a name has none at all is a matter of names', async () => {
    const lookUp = () => Promise.resolve([])
    await errorOf(
      bench.transport({ lookUp, retries: 0 }).connect(bench.target({ address: 'a.test', port: 22 })),
      'FLEET_SSH_DNS',
    )
  })

  test('of several that all fail is judged by the one that had a route', async () => {
    const port = await freePort()
    const lookUp = () =>
      Promise.resolve([{ address: '2001:db8::1%nowhere', family: 6 }, ...ipv4('127.0.0.1', '127.0.0.2')])
    const transport = bench.transport({ lookUp, retries: 0 })
    await errorOf(transport.connect(bench.target({ address: 'a.test', port })), 'FLEET_SSH_REFUSED')
  })

  test('of several is left behind, with nothing open, when the call is given up', async () => {
    const port = await freePort()
    await silence('127.0.0.2', port)
    await silence('127.0.0.3', port)
    const lookUp = () => Promise.resolve(ipv4('127.0.0.2', '127.0.0.3'))
    const controller = new AbortController()
    const before = openSockets()
    const call = bench
      .transport({ lookUp })
      .connect(bench.target({ address: 'a.test', port }), { signal: controller.signal })
    const outcome = errorOf(call, 'FLEET_SSH_ABORTED')
    await eventually(() => openSockets() >= before + 2, 'both are dialled')
    controller.abort()
    await outcome
    await eventually(() => openSockets() <= before, 'both are let go of')
  })

  describe.skipIf(missing !== undefined)('of a real sshd', () => {
    test.each([
      ['refuses', () => Promise.resolve()],
      ['swallows every packet', (port: number) => silence('127.0.0.2', port)],
    ])('is reached though the first address of its name %s', async (_how, prepare: (port: number) => Promise<void>) => {
      const sshd = await startSshd(bench)
      onTestFinished(sshd.close)
      await prepare(sshd.port)
      const lookUp = () => Promise.resolve(ipv4('127.0.0.2', '127.0.0.1'))
      const transport = bench.transport({ acceptNew: true, lookUp, retries: 0 })
      const connection = await transport.connect(bench.target({ address: 'a.test', port: sshd.port }))
      expect(connection.facts?.ip).toBe('127.0.0.1')
      expect(connection.facts?.address).toBe('a.test')
      await connection.close()
    })

    test('in IPv6 is reached, and its key is recorded in brackets', async () => {
      const sshd = await startSshd(bench, { config: ['ListenAddress ::1'] })
      onTestFinished(sshd.close)
      const transport = bench.transport({ acceptNew: true })
      const connection = await transport.connect(bench.target({ address: '::1', port: sshd.port }))
      expect((await connection.exec('echo "$SSH_CONNECTION"')).stdout).toMatch(/^::1 /)
      expect(connection.facts?.ip).toBe('::1')
      await connection.close()
    })

    test('behind a hop may be IPv6 though we speak IPv4 with the hop', async () => {
      const sshd = await startSshd(bench, { config: ['ListenAddress ::1'] })
      onTestFinished(sshd.close)
      const transport = bench.transport({ acceptNew: true })
      const via = bench.target(sshd)
      const connection = await transport.connect(bench.target({ address: '::1', port: sshd.port }, { via }))
      expect((await connection.exec('echo "$SSH_CONNECTION"')).stdout).toMatch(/^::1 /)
      await connection.close()
      await transport.close()
    })
  })
})
