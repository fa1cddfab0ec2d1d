// What fleet changes inside ssh2 to send at less cost: it is found there, with every cipher and after every new key exchange, and not one
// byte differs on the other side.
import { createHash, randomBytes, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Duplex, PassThrough } from 'node:stream'
import ssh2, { type ClientChannel, type Connection } from 'ssh2'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { lightenPackets, type Lightened } from '../../src/ssh/light-packets.ts'
import { partOf } from '../../src/ssh/ssh2-parts.ts'
import { startFakeServer } from './fake-server.ts'
import { startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED lighter packets with a real sshd: ${missing}\n`)

const ALL: Lightened = { writes: true, encryption: true, decryption: true }

let bench: Workbench
beforeEach(() => {
  bench = createWorkbench()
})
afterEach(() => {
  bench.remove()
})

/** A client that is ready, and what was done to it at each key exchange. */
async function login(at: { readonly address: string; readonly port: number }): Promise<[ssh2.Client, Lightened[]]> {
  const client = new ssh2.Client()
  const done: Lightened[] = []
  client.on('error', () => undefined)
  client.connect({ host: at.address, port: at.port, username: 'root', privateKey: readFileSync(bench.identity) })
  const socket = socketOf(client)
  lightenPackets(client, socket, (one) => done.push(one))
  onTestFinished(async () => {
    if (socket.closed) return
    const closed = once(socket, 'close')
    client.end()
    await closed
  })
  await once(client, 'ready')
  return [client, done]
}

async function open(client: ssh2.Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error === undefined) resolve(channel)
      else reject(error)
    })
  })
}

/** What `command` prints when it is given these pieces, one write for each. */
async function answer(client: ssh2.Client, command: string, pieces: readonly Buffer[]): Promise<string> {
  const channel = await open(client, command)
  let said = ''
  channel.on('data', (chunk: Buffer) => (said += chunk.toString()))
  channel.stderr.resume()
  const closed = once(channel, 'close')
  for (const piece of pieces) channel.write(piece)
  channel.end()
  await closed
  return said
}

const sha256 = (pieces: readonly Buffer[]): string =>
  pieces.reduce<Hash>((hash, piece) => hash.update(piece), createHash('sha256')).digest('hex')

/** Around every size at which something changes: blocks, the shared place, the largest packet, several of them. */
const SIZES = [0, 4080, 4096, 32_752, 32_768, 65_536].flatMap((size) =>
  Array.from({ length: 34 }, (_, index) => size + index),
)

describe.skipIf(missing !== undefined)('packets to a real sshd', () => {
  const start = async (config: string[]): Promise<Sshd> => {
    const sshd = await startSshd(bench, { config })
    onTestFinished(sshd.close)
    return sshd
  }

  test.each([
    ['aes128-gcm@openssh.com', ALL],
    ['aes256-gcm@openssh.com', ALL],
    ['chacha20-poly1305@openssh.com', { ...ALL, encryption: false, decryption: false }],
    ['aes128-ctr', { ...ALL, encryption: false, decryption: false }],
  ])('by %s, of any size, arrive as they were sent', async (cipher, expected) => {
    const [client, done] = await login(await start([`Ciphers ${cipher}`]))
    const pieces = SIZES.map((size) => randomBytes(size))
    expect(await answer(client, 'sha256sum', pieces)).toContain(sha256(pieces))
    expect(done).toEqual([expected])
  })

  test('of several channels and several connections at once are not mixed up', async () => {
    const sshd = await start([])
    const clients = await Promise.all([login(sshd), login(sshd)])
    const talks = clients
      .flatMap(([client]) => [client, client, client])
      .map((client, index) => {
        const pieces = Array.from({ length: 40 }, () => randomBytes(90_000 + index))
        return answer(client, 'sha256sum', pieces).then((said) => expect(said).toContain(sha256(pieces)))
      })
    await Promise.all(talks)
  })

  test('take no more memory than what is under way', async () => {
    const [client] = await login(await start([]))
    const channel = await open(client, 'cat >/dev/null')
    const closed = once(channel.resume(), 'close')
    const piece = randomBytes(256 * 1024)
    let mostBytes = 0
    const beforeBytes = process.memoryUsage().arrayBuffers
    for (let sent = 0; sent < 400; sent += 1) {
      await new Promise((resolve) => channel.write(piece, resolve))
      mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers - beforeBytes)
    }
    channel.end()
    await closed
    // The window is 2 MiB; ssh2 alone leaves 50 MB and more to the garbage collector.
    expect(mostBytes).toBeLessThan(12_000_000)
  })

  test('of a connection that is cut at any moment do no harm to those of another', async () => {
    const sshd = await start([])
    const [steady] = await login(sshd)
    const pieces = Array.from({ length: 400 }, () => randomBytes(64 * 1024))
    const whole = answer(steady, 'sha256sum', pieces)
    for (let round = 0; round < 12; round += 1) {
      const [client] = await login(sshd)
      const channel = await open(client, 'cat >/dev/null')
      const closed = once(client, 'close')
      const cutAt = Math.floor(Math.random() * 40)
      for (let sent = 0; sent <= cutAt; sent += 1) channel.write(pieces[sent])
      if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
      socketOf(client).destroy()
      await closed
    }
    expect(await whole).toContain(sha256(pieces))
  })

  test('go on through many new key exchanges, each of which leaves the connection as light as the first', async () => {
    const [client, done] = await login(await start(['RekeyLimit 1M']))
    const pieces = Array.from({ length: 64 }, () => randomBytes(256 * 1024))
    expect(await answer(client, 'sha256sum', pieces)).toContain(sha256(pieces))
    expect(done.length).toBeGreaterThan(5)
    expect(done).toEqual(done.map(() => ALL))
  })
})

test('the number in the IV starts again after its largest, as it does on the other side', async () => {
  const taken = createHash('sha256')
  const connections: Connection[] = []
  const server = await startFakeServer({
    onClient: (connection) => {
      connections.push(connection)
      connection.on('session', (accept) => {
        accept().on('exec', (acceptExec) => {
          const channel = acceptExec()
          channel
            .on('data', (chunk: Buffer) => taken.update(chunk))
            .on('end', () => {
              channel.exit(0)
              channel.end()
            })
        })
      })
    },
  })
  onTestFinished(server.close)
  const [client, done] = await login(server)
  expect(done).toEqual([ALL])
  const ours = ivOf(client, '_cipher', '_encIV')
  const theirs = ivOf(connections[0], '_decipher', '_decipherIV')
  expect(ours).toEqual(theirs)
  for (const iv of [ours, theirs]) iv.fill(0xff, 4).writeUInt8(0xf0, 11)
  const channel = await open(client, 'any')
  const bytes = randomBytes(100 * 32_768)
  const closed = once(channel.resume(), 'close')
  channel.end(bytes)
  await closed
  expect(taken.digest('hex')).toBe(sha256([bytes]))
  expect(ours.readUInt32BE(4)).toBe(0)
})

test('an ssh2 that has its parts elsewhere is left as it is', () => {
  const client = new ssh2.Client()
  const done: Lightened[] = []
  lightenPackets(client, new PassThrough(), (one) => done.push(one))
  client.emit('handshake', {})
  expect(done).toEqual([{ writes: false, encryption: false, decryption: false }])
})

function socketOf(client: ssh2.Client): Duplex {
  const socket = partOf(client, '_sock')
  if (!(socket instanceof Duplex)) throw new Error('expected ssh2 to have a socket')
  return socket
}

function ivOf(connection: object | undefined, part: string, name: string): Buffer {
  const iv = partOf(partOf(partOf(connection, '_protocol'), part), name)
  if (!Buffer.isBuffer(iv)) throw new Error(`expected ssh2 to have ${name}`)
  return iv
}
