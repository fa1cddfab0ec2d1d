// Agents: a real one full of keys against a real sshd, and ones that answer nonsense, or never.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { Secret } from '../../src/core/index.ts'
import { generateKeyPair, type Target } from '../../src/ssh/index.ts'
import { startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, errorOf, eventually, openSockets, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED agents against a real sshd: ${missing}\n`)

/** Sockets to agents that this process holds open. */
const openPipes = (): number => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length

describe.skipIf(missing !== undefined)('an agent with eight keys', () => {
  let bench: Workbench
  let sshd: Sshd
  let agent: string
  let stopAgent: () => Promise<void>
  let lines: string[]

  beforeAll(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench)
    agent = join(bench.folder, 'agent')
    const child = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' })
    stopAgent = async () => {
      child.kill()
      await once(child, 'exit')
    }
    await eventually(() => existsSync(agent), 'the agent listens')
    lines = Array.from({ length: 8 }, (_, index) => {
      const pair = generateKeyPair(`key ${index}`)
      execFileSync('ssh-add', ['-q', bench.write(`key_${index}`, pair.private)], {
        env: { ...process.env, SSH_AUTH_SOCK: agent },
        stdio: 'ignore',
      })
      bench.write(`only_${index}.pub`, `${pair.public}\n`)
      bench.write(`half_${index}.pub`, `${pair.public}\n`)
      return pair.public
    })
  })
  afterAll(async () => {
    await stopAgent()
    await sshd.close()
    bench.remove()
  })

  const authorize = (...indexes: number[]): string =>
    bench.write(`authorized_keys_${sshd.port}`, `${indexes.map((index) => lines[index]).join('\n')}\n`)
  const target = (identities: string[], changes: Partial<Target> = {}): Target =>
    bench.target(sshd, { agent, identities: identities.map((name) => join(bench.folder, name)), ...changes })
  const connect = async (at: Target): Promise<string> => {
    const connection = await bench.transport({ acceptNew: true }).connect(at)
    await connection.close()
    return connection.facts?.accepted ?? ''
  }

  test.each(['only_7.pub', 'half_7'])('offers the one first whose public half is named (%s)', async (name) => {
    authorize(7)
    const before = sshd.log.length
    expect(await connect(target([name]))).toMatch(/^agent key SHA256:\S+ \(.*\)$/)
    expect(sshd.log.slice(before).filter((line) => line.startsWith('Failed publickey'))).toEqual([])
  })

  test('offers only the named one with IdentitiesOnly, whatever else it holds', async () => {
    authorize(7)
    await connect(target(['only_7.pub'], { identitiesOnly: true }))
    authorize(3)
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(target(['only_7.pub'], { identitiesOnly: true })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message.match(/agent key SHA256/g)).toHaveLength(1)
    expect(error.message).not.toContain('were not offered')
  })

  test('offers none with IdentitiesOnly and nothing named, and the error says what is missing', async () => {
    authorize(0)
    const other = bench.write('stranger', generateKeyPair().private)
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(target(['stranger'], { identitiesOnly: true })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message).toContain(`offered ${other}`)
    expect(error.message).not.toContain('agent key')
  })

  test('without the key of a public half says so', async () => {
    bench.write('lost.pub', `${generateKeyPair().public}\n`)
    authorize()
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(target(['lost.pub'], { identitiesOnly: true })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message).toContain('only the public key is there, and no agent holds the private one')
  })

  test('holds the key and a server that wants another one as well gets both', async () => {
    const authorized = [lines[6] ?? '', bench.publicKey]
    const strict = await startSshd(bench, { config: ['AuthenticationMethods publickey,publickey'], authorized })
    onTestFinished(strict.close)
    const at = bench.target(strict, { agent, identities: [join(bench.folder, 'only_6.pub'), bench.identity] })
    expect(await connect(at)).toMatch(/^agent key .* and .*\/id$/)
  })

  test('serves thirty connections at once, and no socket to it stays open', async () => {
    authorize(5)
    const pipes = openPipes()
    const transport = bench.transport({ acceptNew: true })
    const all = await Promise.all(Array.from({ length: 30 }, () => transport.connect(target(['only_5.pub']))))
    await Promise.all(all.map((connection) => connection.close()))
    await eventually(() => openPipes() <= pipes, 'no socket to the agent is left')
  })
})

describe('a server that wants a key and then the password', () => {
  test('gets the key from the agent and the answer to its question', async () => {
    const bench = createWorkbench()
    const pair = generateKeyPair()
    const agent = await startAgent(bench, (request, socket) => {
      if (request[4] === LIST) socket.write(listing([blobOf(pair.public)]))
      else socket.write(signed(pair.private, request))
    })
    const seen: string[] = []
    const server = new ssh2.Server({ hostKeys: [generateKeyPair().private] }, (client) => {
      let isKeyGood = false
      client.on('error', () => undefined)
      client.on('authentication', (context) => {
        if (context.method === 'publickey' && context.signature === undefined) context.accept()
        else if (context.method === 'publickey') {
          isKeyGood = true
          seen.push('key')
          context.reject(['keyboard-interactive'], true)
        } else if (context.method === 'keyboard-interactive' && isKeyGood)
          context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
            seen.push(...answers)
            context.accept()
          })
        else context.reject(['publickey'])
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const connection = await bench
      .transport({ acceptNew: true })
      .connect(
        bench.target(
          { address: '127.0.0.1', port },
          { agent: agent.path, identities: [], password: () => Promise.resolve(new Secret('horse')) },
        ),
      )
    expect(seen).toEqual(['key', 'horse'])
    expect(connection.facts?.accepted).toMatch(/^agent key .* and keyboard-interactive$/)
    await connection.close()
    server.close()
    await once(server, 'close')
    await agent.stop()
    bench.remove()
  })
})

describe.skipIf(missing !== undefined)('an agent that does not do its work', () => {
  let bench: Workbench
  let sshd: Sshd
  beforeAll(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench)
  })
  afterAll(async () => {
    await sshd.close()
    bench.remove()
  })
  afterEach(async () => {
    await eventually(() => openSockets() === 0, 'no socket is left')
  })
  let agent: Agent | undefined
  beforeEach(() => {
    agent = undefined
  })
  afterEach(async () => {
    await agent?.stop()
  })

  const own = blobOf(generateKeyPair().public)
  const known = (): Buffer => blobOf(bench.publicKey)
  const nothing = (): void => undefined
  const sends =
    (answer: Buffer) =>
    (_request: Buffer, socket: Socket): void => {
      socket.write(answer)
    }
  const lists =
    (keys: () => readonly Buffer[], then: Behaviour): Behaviour =>
    (request, socket) => {
      if (request[4] === LIST) socket.write(listing(keys()))
      else then(request, socket)
    }

  const cases: [string, Behaviour, RegExp?][] = [
    ['never answers', nothing, /no answer within 400 ms/],
    ['closes at once', (_request, socket) => void socket.end(), /it closed the connection/],
    ['resets', (_request, socket) => void socket.destroy(), /it closed the connection|ECONNRESET|EPIPE/],
    ['answers text', sends(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), /claims to have/],
    ['answers an empty message', sends(Buffer.alloc(4)), /claims to have 0 bytes/],
    ['refuses', sends(field(Buffer.from([5]))), /it refused to list its keys/],
    ['answers something else', sends(field(Buffer.from([99, 1, 2, 3]))), /not a list of keys/],
    ['claims a thousand million keys', sends(field(Buffer.from([12, 0x3f, 0, 0, 0]))), /cut short/],
    ['sends half a list', sends(field(listing([own]).subarray(4, -9))), /cut short/],
    ['sends half a message and stops', sends(Buffer.from([0, 0, 0, 50, 12])), /no answer within/],
    ['lists keys that are noise', lists(() => [Buffer.alloc(0), Buffer.alloc(3), Buffer.alloc(90, 0xff)], nothing)],
    ['refuses to sign', lists(() => [known()], sends(field(Buffer.from([5]))))],
    ['signs nonsense', lists(() => [known()], sends(field(Buffer.concat([Buffer.from([SIGNED]), field('xx')]))))],
    ['answers text when it is to sign', lists(() => [known()], sends(Buffer.from('no'.repeat(40))))],
    [
      'closes when it is to sign',
      lists(
        () => [known()],
        (_request, socket) => void socket.end(),
      ),
    ],
    [
      'resets when it is to sign',
      lists(
        () => [known()],
        (_request, socket) => void socket.destroy(),
      ),
    ],
  ]

  test.each(cases)('(%s) leaves the key file to log in with', async (_what, behaviour) => {
    agent = await startAgent(bench, behaviour)
    const pipes = openPipes()
    const at = bench.target(sshd, { agent: agent.path, identities: [bench.identity] })
    const file = bench.write('spare', generateKeyPair().private)
    const connection = await bench.transport({ acceptNew: true, timers: { authMs: 400 } }).connect({
      ...at,
      identities: [file, ...at.identities],
    })
    await connection.close()
    await eventually(() => openPipes() <= pipes, 'no socket to the agent is left')
  })

  test.each(cases.filter(([, , said]) => said !== undefined))(
    '(%s) is named when nothing else is there',
    async (_what, behaviour, said) => {
      agent = await startAgent(bench, behaviour)
      const error = await errorOf(
        bench
          .transport({ acceptNew: true, timers: { authMs: 400 } })
          .connect(bench.target(sshd, { agent: agent.path, identities: [] })),
        'FLEET_SSH_AUTH',
      )
      expect(error.message).toContain(`agent ${agent.path}`)
      expect(error.message).toMatch(said ?? /./)
    },
  )

  test('(never signs) holds a connection no longer than authentication may take, and is named', async () => {
    agent = await startAgent(
      bench,
      lists(() => [known()], nothing),
    )
    const pipes = openPipes()
    const error = await errorOf(
      bench
        .transport({ acceptNew: true, timers: { authMs: 400 } })
        .connect(bench.target(sshd, { agent: agent.path, identities: [] })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message).toMatch(/agent key SHA256:\S+ \(comment\): the agent did not sign within 400 ms/)
    await eventually(() => openPipes() <= pipes, 'no socket to the agent is left')
  })

  test('(asks a person before each signature) gets that time for each', async () => {
    const refusedByPerson = generateKeyPair()
    const pair = generateKeyPair()
    bench.write(`authorized_keys_${sshd.port}`, `${refusedByPerson.public}\n${pair.public}\n${bench.publicKey}\n`)
    const keys = [refusedByPerson, pair].map((one) => blobOf(one.public))
    agent = await startAgent(
      bench,
      lists(
        () => keys,
        (request, socket) => {
          const isRefused = request.includes(blobOf(refusedByPerson.public))
          setTimeout(() => socket.write(isRefused ? field(Buffer.from([5])) : signed(pair.private, request)), 1200)
        },
      ),
    )
    const connection = await bench
      .transport({ acceptNew: true, retries: 0, timers: { authMs: 2000 } })
      .connect(bench.target(sshd, { agent: agent.path, identities: [] }))
    await connection.close()
  })

  test('with certificates and FIDO keys has them named', async () => {
    const sk = Buffer.concat([field('sk-ssh-ed25519@openssh.com'), field(Buffer.alloc(32, 1)), field('ssh:')])
    const certificate = Buffer.concat([field('ssh-ed25519-cert-v01@openssh.com'), field(Buffer.alloc(32, 1))])
    agent = await startAgent(
      bench,
      lists(() => [sk, certificate], nothing),
    )
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(bench.target(sshd, { agent: agent.path, identities: [] })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message).toMatch(/fleet cannot use the FIDO key \(sk-ssh-ed25519@openssh.com\) agent key SHA256/)
    expect(error.message).toMatch(/fleet cannot use the certificate \(ssh-ed25519-cert-v01@openssh.com\) agent key/)
  })
})

const LIST = 11
const SIGNED = 14

/** Gets one whole request, its length first. */
type Behaviour = (request: Buffer, socket: Socket) => void

interface Agent {
  readonly path: string
  readonly stop: () => Promise<void>
}

/** An agent of our own making. */
async function startAgent(bench: Workbench, behaviour: Behaviour): Promise<Agent> {
  const path = join(bench.folder, `agent_${performance.now()}`)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
        const length = 4 + received.readUInt32BE(0)
        const request = received.subarray(0, length)
        received = received.subarray(length)
        behaviour(request, socket)
      }
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    path,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function listing(keys: readonly Buffer[]): Buffer {
  const count = Buffer.from([12, 0, 0, 0, keys.length])
  return field(Buffer.concat([count, ...keys.flatMap((key) => [field(key), field('comment')])]))
}

/** The answer to a request to sign (type, key, data, flags). */
function signed(privateKey: string, request: Buffer): Buffer {
  const key = ssh2.utils.parseKey(privateKey)
  if (key instanceof Error || Array.isArray(key)) throw new Error('no key')
  const dataAt = 9 + request.readUInt32BE(5)
  const data = request.subarray(dataAt + 4, dataAt + 4 + request.readUInt32BE(dataAt))
  const signature = Buffer.concat([field('ssh-ed25519'), field(key.sign(data))])
  return field(Buffer.concat([Buffer.from([SIGNED]), field(signature)]))
}

function field(value: string | Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(value))
  return Buffer.concat([length, Buffer.from(value)])
}

function blobOf(line: string): Buffer {
  return Buffer.from(line.split(' ')[1] ?? '', 'base64')
}
