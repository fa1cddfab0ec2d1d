// An SSH server inside the test that behaves as it is told: per connection, before and after it speaks SSH.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import ssh2, { type AuthContext, type Connection } from 'ssh2'
import { generateKeyPair } from '../../src/ssh/index.ts'

export interface FakeServer {
  readonly address: string
  readonly port: number
  /** Connections so far. */
  readonly dials: number
  readonly close: () => Promise<void>
}

export interface Behaviour {
  /** Called for every connection, numbered from 1. False: it has been dealt with, and gets no SSH. */
  readonly onSocket?: (socket: Socket, number: number) => boolean
  readonly onAuthentication?: (context: AuthContext, socket: Socket) => void
  readonly onClient?: (client: Connection, socket: Socket) => void
}

export async function startFakeServer(behaviour: Behaviour): Promise<FakeServer> {
  const sockets = new Set<Socket>()
  let dials = 0
  const hostKeys = [generateKeyPair().private]
  const tcp = createServer((socket) => {
    dials += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    if (behaviour.onSocket?.(socket, dials) === false) return
    const ssh = new ssh2.Server({ hostKeys }, (client) => {
      client.on('error', () => undefined)
      client.on('authentication', (context) => {
        if (behaviour.onAuthentication === undefined) context.accept()
        else behaviour.onAuthentication(context, socket)
      })
      behaviour.onClient?.(client, socket)
    })
    ssh.injectSocket(socket)
  }).listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const at = tcp.address()
  if (at === null || typeof at === 'string') throw new Error('no port')
  return {
    address: '127.0.0.1',
    port: at.port,
    get dials() {
      return dials
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      tcp.close()
      await once(tcp, 'close')
    },
  }
}
