// Against a real sshd. Skipped, loudly, where there is none.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseNodeName, Secret } from '../../src/core/index.ts'
import { generateKeyPair, type Connection } from '../../src/ssh/index.ts'
import { sshKeygen, startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { transportContract } from './transport-contract.ts'
import { createWorkbench, errorOf, eventually, openSockets, silence, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED the transport against a real sshd: ${missing}\n`)

describe.skipIf(missing !== undefined)('with a real sshd', () => {
  transportContract('ssh2 with OpenSSH', async () => {
    const bench = createWorkbench()
    const sshd = await startSshd(bench)
    bench.write('known_hosts', `[127.0.0.1]:${sshd.port} ${sshd.hostKeys.get('ed25519') ?? ''}\n`)
    return {
      transport: bench.transport(),
      target: bench.target(sshd),
      close: async () => {
        await sshd.close()
        bench.remove()
      },
    }
  })

  describe('a connection', () => {
    let bench: Workbench
    let sshd: Sshd
    beforeAll(async () => {
      bench = createWorkbench()
      sshd = await startSshd(bench)
      bench.write('known_hosts', `[127.0.0.1]:${sshd.port} ${sshd.hostKeys.get('ed25519') ?? ''}\n`)
    })
    afterAll(async () => {
      await sshd.close()
      bench.remove()
    })

    /** Runs a command that shows the process behind its session, and leaves it running. */
    const session = async (
      connection: Connection,
      stallMs: number,
    ): Promise<{ pid: number; outcome: Promise<unknown> }> => {
      let pid = 0
      const call = connection.exec('echo $PPID; cat', {
        stdin: silence(),
        stallMs,
        onStdout: (chunk) => void (pid = Number(chunk)),
      })
      const outcome = call.catch((error: unknown) => error)
      await eventually(() => pid > 0, 'the command runs')
      return { pid, outcome }
    }

    test('ends every running call as lost when the server process is killed', async () => {
      const connection = await bench.transport().connect(bench.target(sshd))
      const { pid, outcome } = await session(connection, 60_000)
      const other = connection.exec('cat', { stdin: silence() }).catch((error: unknown) => error)
      process.kill(pid, 'SIGKILL')
      expect(await outcome).toMatchObject({ code: 'FLEET_SSH_LOST', retryable: true })
      expect(await other).toMatchObject({ code: 'FLEET_SSH_LOST' })
      await errorOf(connection.exec('true'), 'FLEET_SSH_LOST')
      await connection.close()
    })

    test('notices by the stall timer that the server process stands still, and closes all the same', async () => {
      const connection = await bench.transport().connect(bench.target(sshd))
      const { pid, outcome } = await session(connection, 700)
      process.kill(pid, 'SIGSTOP')
      expect(await outcome).toMatchObject({ code: 'FLEET_SSH_STALLED' })
      await connection.close()
      process.kill(pid, 'SIGKILL')
    })

    test('notices by keepalives that the server process stands still while nothing runs', async () => {
      const connection = await bench.transport({ timers: { keepaliveMs: 100 } }).connect(bench.target(sshd))
      const { pid, outcome } = await session(connection, 0)
      process.kill(pid, 'SIGSTOP')
      expect(await outcome).toMatchObject({
        code: 'FLEET_SSH_LOST',
        message: expect.stringContaining('Keepalive timeout') as string,
      })
      process.kill(pid, 'SIGKILL')
      await connection.close()
    })

    test('a refused key is named, with what the server would take, and is not tried again', async () => {
      const wrong = bench.write('wrong', generateKeyPair().private)
      const before = sshd.log.length
      const error = await errorOf(
        bench.transport().connect(bench.target(sshd, { identities: [wrong] })),
        'FLEET_SSH_AUTH',
      )
      expect(error.message).toContain(`offered ${wrong}`)
      expect(error.message).toContain('the server accepts publickey')
      await eventually(
        () => sshd.log.slice(before).some((line) => /closed by|disconnect/i.test(line)),
        'sshd logs the end',
      )
      expect(sshd.log.slice(before).filter((line) => line.startsWith('Connection from'))).toHaveLength(1)
    })

    test('an encrypted key asks for its passphrase once, however many connections need it', async () => {
      const file = join(bench.folder, 'locked')
      const authorized = sshKeygen(file, 'ed25519', 'open sesame')
      const own = await startSshd(bench, { authorized: [authorized] })
      onTestFinished(own.close)
      bench.write('known_hosts', `[127.0.0.1]:${own.port} ${own.hostKeys.get('ed25519') ?? ''}\n`)
      let asked = 0
      const passphrase = (): Promise<Secret> => {
        asked += 1
        return Promise.resolve(new Secret('open sesame'))
      }
      const transport = bench.transport()
      const target = bench.target(own, { identities: [file], passphrase })
      const connections = await Promise.all([1, 2, 3].map(() => transport.connect(target)))
      expect(asked).toBe(1)
      await Promise.all(connections.map((connection) => connection.close()))

      const unasked = await errorOf(
        bench.transport().connect(bench.target(own, { identities: [file] })),
        'FLEET_SSH_KEY_FILE',
      )
      expect(unasked.message).toContain('needs a passphrase')
      const wrong = bench.target(own, { identities: [file], passphrase: () => Promise.resolve(new Secret('wrong')) })
      expect((await errorOf(bench.transport().connect(wrong), 'FLEET_SSH_KEY_FILE')).message).toContain(
        'does not open it',
      )
    })

    test.each(['rsa', 'ecdsa'])('an %s key logs in', async (type) => {
      const file = join(bench.folder, `user_${type}`)
      const own = await startSshd(bench, { authorized: [sshKeygen(file, type)], keys: [type] })
      onTestFinished(own.close)
      const connection = await bench.transport({ acceptNew: true }).connect(bench.target(own, { identities: [file] }))
      expect((await connection.exec('echo in')).stdout).toBe('in\n')
      await connection.close()
    })

    test('a server that allows one session a connection still gets through all calls', async () => {
      const own = await startSshd(bench, { config: ['MaxSessions 1'] })
      onTestFinished(own.close)
      const connection = await bench.transport({ acceptNew: true }).connect(bench.target(own))
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => connection.exec(`echo ${index}`)))
      expect(answers.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 20 }, (_, index) => index))
      await connection.close()
    })

    test('a server without a common algorithm is named as that', async () => {
      const own = await startSshd(bench, { config: ['KexAlgorithms sntrup761x25519-sha512@openssh.com'] })
      onTestFinished(own.close)
      const error = await errorOf(
        bench.transport({ acceptNew: true }).connect(bench.target(own)),
        'FLEET_SSH_NO_COMMON_ALGORITHM',
      )
      expect(error.message).toContain('key exchange')
    })

    test('fifty megabytes go up in a few seconds, and nothing is left open', async () => {
      const before = openSockets()
      const connection = await bench.transport({ acceptNew: true }).connect(bench.target(sshd))
      const result = await connection.exec('cat > /dev/null; echo done', { stdin: Buffer.alloc(50_000_000) })
      expect(result.stdout).toBe('done\n')
      await connection.close()
      await eventually(() => openSockets() <= before, 'sockets are closed')
    })
  })

  test('thirty connections reach a server that drops most of what comes at once', async () => {
    const bench = createWorkbench()
    const sshd = await startSshd(bench, { config: ['MaxStartups 3:50:5'] })
    onTestFinished(async () => {
      await sshd.close()
      bench.remove()
    })
    bench.write('known_hosts', `[127.0.0.1]:${sshd.port} ${sshd.hostKeys.get('ed25519') ?? ''}\n`)
    const transport = bench.transport({ perEndpoint: 8, retries: 6 })
    const connections = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        transport.connect(bench.target(sshd, { node: parseNodeName(`n${index}`) })),
      ),
    )
    expect(
      sshd.log.some((line) => line.includes('MaxStartups')),
      'sshd did drop some',
    ).toBe(true)
    await Promise.all(connections.map((connection) => connection.close()))
  })
})
