// Against a real sshd, and real ssh-keygen and ssh-agent. Skipped, loudly, where there is none.
import { spawn } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
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

  describe('host keys', () => {
    let bench: Workbench
    let sshd: Sshd
    beforeAll(async () => {
      bench = createWorkbench()
      sshd = await startSshd(bench, { keys: ['ed25519', 'ecdsa', 'rsa'] })
    })
    afterAll(async () => {
      await sshd.close()
      bench.remove()
    })
    const at = (): string => `[127.0.0.1]:${sshd.port}`

    test('an unknown key is refused with its fingerprint as ssh-keygen shows it, and is not recorded', async () => {
      bench.write('known_hosts', '')
      const error = await errorOf(bench.transport().connect(bench.target(sshd)), 'FLEET_SSH_HOST_KEY_UNKNOWN')
      const shown = execFileSync('ssh-keygen', ['-lf', join(bench.folder, `host_ed25519_${sshd.port}.pub`)], {
        encoding: 'utf8',
      })
      expect(error.message).toContain(`ssh-ed25519 ${shown.split(' ')[1] ?? ''}`)
      expect(error.remedy).toContain('fleet push --accept-new')
      expect(error.remedy).toContain('ssh-keygen -lf')
      expect(readFileSync(bench.knownHosts, 'utf8')).toBe('')
    })

    test('accept-new records the key once, though ten connections meet it at the same time, and ssh reads what was written', async () => {
      bench.write('known_hosts', '# no newline at the end')
      const transport = bench.transport({ acceptNew: true })
      const connections = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          transport.connect(bench.target(sshd, { node: parseNodeName(`n${index}`) })),
        ),
      )
      await Promise.all(connections.map((connection) => connection.close()))
      expect(readFileSync(bench.knownHosts, 'utf8')).toBe(
        `# no newline at the end\n${at()} ${sshd.hostKeys.get('ed25519') ?? ''}\n`,
      )
      expect(execFileSync('ssh-keygen', ['-F', at(), '-f', bench.knownHosts], { encoding: 'utf8' })).toContain(
        'ssh-ed25519',
      )
      await (await bench.transport().connect(bench.target(sshd))).close()
    })

    test('a server with several keys is known by any one of them', async () => {
      for (const type of ['rsa', 'ecdsa']) {
        bench.write('known_hosts', `${at()} ${sshd.hostKeys.get(type) ?? ''}\n`)
        await (await bench.transport().connect(bench.target(sshd))).close()
      }
    })

    test('a name that ssh-keygen -H has hashed is found', async () => {
      bench.write('known_hosts', `${at()} ${sshd.hostKeys.get('ed25519') ?? ''}\n`)
      execFileSync('ssh-keygen', ['-q', '-H', '-f', bench.knownHosts], { stdio: 'ignore' })
      expect(readFileSync(bench.knownHosts, 'utf8')).toMatch(/^\|1\|/)
      await (await bench.transport().connect(bench.target(sshd))).close()
    })

    test.each([false, true])('a changed key is refused with both fingerprints (accept-new: %s)', async (acceptNew) => {
      const old = sshKeygen(join(bench.folder, `old_${acceptNew}`), 'ed25519')
      bench.write('known_hosts', `# first line\n${at()} ${old}\n`)
      const error = await errorOf(
        bench.transport({ acceptNew }).connect(bench.target(sshd)),
        'FLEET_SSH_HOST_KEY_CHANGED',
      )
      expect(error.message.match(/SHA256:/g)).toHaveLength(2)
      expect(error.message).toContain(`${bench.knownHosts}:2`)
      expect(error.retryable).toBe(false)
    })

    test('a line about this server that cannot be read stops accept-new', async () => {
      bench.write('known_hosts', `${at()} ssh-ed25519 AAAA\n`)
      const error = await errorOf(
        bench.transport({ acceptNew: true }).connect(bench.target(sshd)),
        'FLEET_SSH_HOST_KEY_UNKNOWN',
      )
      expect(error.message).toContain(`${bench.knownHosts}:1`)
    })

    test('a revoked key is refused', async () => {
      const key = sshd.hostKeys.get('ed25519') ?? ''
      bench.write('known_hosts', `${at()} ${key}\n@revoked * ${key}\n`)
      const error = await errorOf(
        bench.transport({ acceptNew: true }).connect(bench.target(sshd)),
        'FLEET_SSH_HOST_KEY_REVOKED',
      )
      expect(error.message).toContain(`${bench.knownHosts}:2`)
    })
  })

  describe('an agent', () => {
    let bench: Workbench
    let sshd: Sshd
    let agent: string
    let stopAgent: () => Promise<void>
    beforeAll(async () => {
      bench = createWorkbench()
      const file = join(bench.folder, 'in_agent')
      const authorized = sshKeygen(file, 'ed25519', '')
      sshd = await startSshd(bench, { authorized: [authorized] })
      bench.write('known_hosts', `[127.0.0.1]:${sshd.port} ${sshd.hostKeys.get('ed25519') ?? ''}\n`)
      agent = join(bench.folder, 'agent')
      const child = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' })
      stopAgent = async () => {
        child.kill()
        await once(child, 'exit')
      }
      await eventually(() => existsSync(agent), 'the agent listens')
      const env = { ...process.env, SSH_AUTH_SOCK: agent }
      for (let index = 0; index < 7; index += 1) {
        sshKeygen(join(bench.folder, `noise_${index}`), 'ed25519')
        execFileSync('ssh-add', ['-q', join(bench.folder, `noise_${index}`)], { env, stdio: 'ignore' })
      }
      execFileSync('ssh-add', ['-q', file], { env, stdio: 'ignore' })
    })
    afterAll(async () => {
      await stopAgent()
      await sshd.close()
      bench.remove()
    })

    test('logs in with the key that a file names, though seven others come before it', async () => {
      const connection = await bench
        .transport()
        .connect(bench.target(sshd, { agent, identities: [join(bench.folder, 'in_agent')] }))
      await connection.close()
    })

    test('with too many keys is cut to what sshd tolerates, and the error says so', async () => {
      const error = await errorOf(
        bench.transport().connect(bench.target(sshd, { agent, identities: [] })),
        'FLEET_SSH_AUTH',
      )
      expect(error.message.match(/agent key SHA256/g)).toHaveLength(6)
      expect(error.message).toContain('2 more agent keys were not offered')
    })

    test('that cannot be reached leaves the key files', async () => {
      const identities = [join(bench.folder, 'in_agent')]
      const connection = await bench
        .transport()
        .connect(bench.target(sshd, { agent: join(bench.folder, 'nobody'), identities }))
      await connection.close()
    })
  })
})
