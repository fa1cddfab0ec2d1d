// A hop while many share it, and after the last of them has left.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createHash, randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import type { Target, Transport } from '../../src/ssh/index.ts'
import { startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, errorOf, eventually, openSockets, silence, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED the use of hops: ${missing}\n`)

const named = (name: string): Pick<Target, 'node'> => ({ node: parseNodeName(name) })

describe.skipIf(missing !== undefined)('a hop', () => {
  let bench: Workbench
  let sshd: Sshd
  let transport: Transport
  beforeEach(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench, { config: ['MaxStartups 100'] })
    transport = bench.transport({ acceptNew: true, timers: { lingerMs: 300 } })
  })
  afterEach(async () => {
    await transport.close()
    await sshd.close()
    bench.remove()
    await eventually(() => openSockets() === 0, 'no socket is left')
  })
  const behind = (name: string): Target => bench.target(sshd, { ...named(name), via: bench.target(sshd, named('hop')) })
  const connections = (): number => sshd.log.filter((line) => line.startsWith('Connection from')).length

  const ended = (): number => sshd.log.filter((line) => line.startsWith('Disconnected from user')).length

  test('stays open for a moment, for the next node, and is closed when nobody comes', async () => {
    for (const name of ['n1', 'n2', 'n3']) {
      const connection = await transport.connect(behind(name))
      expect(openSockets()).toBe(1)
      await connection.close()
      // Open, and nothing that this process would wait for.
      expect(openSockets()).toBe(0)
    }
    expect(connections()).toBe(4)
    await eventually(() => ended() === 4, 'the hop is let go of')
    await (await transport.connect(behind('n4'))).close()
    expect(connections()).toBe(6)
  })

  test('that nobody uses does not keep the process alive', async () => {
    const program = `
      import { createSsh2Transport } from ${JSON.stringify(fileURLToPath(new URL('../../src/ssh/index.ts', import.meta.url)))}
      const transport = createSsh2Transport({ knownHosts: { files: [process.env.KNOWN], acceptNew: true }, timers: { lingerMs: 600_000 } })
      const target = JSON.parse(process.env.TARGET)
      const connection = await transport.connect(target)
      console.log((await connection.exec('echo there')).stdout)
      await connection.close()
    `
    const env = { ...process.env, KNOWN: bench.knownHosts, TARGET: JSON.stringify(behind('n1')) }
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let heard = ''
    child.stdout.on('data', (chunk: Buffer) => void (heard += chunk.toString()))
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code).toBe(0)
    expect(heard).toContain('there')
  })

  test('keeps the process alive while a node behind it is in use', async () => {
    const connection = await transport.connect(behind('n1'))
    expect(process.getActiveResourcesInfo()).toContain('TCPSocketWrap')
    await connection.close()
  })

  test('carries forty nodes and one signal for all without piling up listeners', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, index) => transport.connect(behind(`n${index}`), { signal })),
    )
    const answers = await Promise.all(
      all.flatMap((connection) => [connection.exec('echo a', { signal }), connection.exec('echo a', { signal })]),
    )
    expect(answers.every(({ stdout }) => stdout === 'a\n')).toBe(true)
    await Promise.all(all.map((connection) => connection.close()))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  test('carries fifty megabytes whole, and so do two of them', async () => {
    const bytes = randomBytes(50_000_000)
    const digest = createHash('sha256').update(bytes).digest('hex')
    const two = bench.target(sshd, {
      ...named('n2'),
      via: bench.target(sshd, { ...named('b2'), via: bench.target(sshd, named('hop')) }),
    })
    for (const target of [behind('n1'), two]) {
      const connection = await transport.connect(target)
      const up = await connection.exec('sha256sum', { stdin: bytes })
      expect(up.stdout).toContain(digest)
      const hash = createHash('sha256')
      const down = await connection.exec(`head -c 5000000 /dev/zero; cat`, {
        stdin: 'end',
        onStdout: (chunk) => void hash.update(chunk),
      })
      expect(down.exitCode).toBe(0)
      expect(hash.digest('hex')).toBe(createHash('sha256').update(Buffer.alloc(5_000_000)).update('end').digest('hex'))
      await connection.close()
    }
  }, 90_000)

  test('that stands still is noticed by the nodes behind it, which end and are closed in time', async () => {
    transport = bench.transport({ acceptNew: true, timers: { channelMs: 500 } })
    const hop = await transport.connect(bench.target(sshd, named('hop')))
    const pid = Number((await hop.exec('echo $PPID')).stdout)
    const connection = await transport.connect(behind('n1'))
    let hasBegun = false
    const running = connection.exec('echo on; cat', {
      stdin: silence(),
      stallMs: 500,
      onStdout: () => void (hasBegun = true),
    })
    running.catch(() => undefined)
    await eventually(() => hasBegun, 'it runs')
    process.kill(pid, 'SIGSTOP')
    await errorOf(running, 'FLEET_SSH_STALLED')
    await errorOf(connection.exec('true'), 'FLEET_SSH_CHANNEL_TIMEOUT')
    await Promise.all([connection.close(), hop.close()])
    await transport.close()
    process.kill(pid, 'SIGKILL')
  })

  test('that is being dialled when everything is closed leaves nothing behind, and says that it was closed', async () => {
    const dials = Promise.all(
      ['n1', 'n2', 'n3'].map((name) => errorOf(transport.connect(behind(name)), 'FLEET_SSH_CLOSED')),
    )
    await eventually(() => openSockets() > 0, 'the dial has begun')
    await transport.close()
    await dials
    await errorOf(transport.connect(behind('n4')), 'FLEET_SSH_CLOSED')
    expect(openSockets()).toBe(0)
  })
})
