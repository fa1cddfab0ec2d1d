// A node inside this process: an SSH server that runs real commands as this user, in a home of its own. The demo's nodes, and
// the fast half of the transport's tests. It takes public keys only and listens on loopback unless told otherwise.
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import ssh2, { type AuthContext, type ParsedKey } from 'ssh2'
import { FleetError, type NodeName } from '../core/index.ts'
import { generateKeyPair } from './key-pair.ts'
import { knownHostsLine } from './known-hosts.ts'
import { runLoopbackCommand, type LoopbackCommand } from './loopback-session.ts'
import { parseKey } from './parse-key.ts'

export interface LoopbackNodeOptions {
  readonly name: NodeName
  /** An existing folder: HOME and working directory of every command. */
  readonly home: string
  /** Private host key; a fresh one if left out. */
  readonly hostKey?: string
  /** The one public key that may log in, as an authorized_keys line. */
  readonly authorizedKey: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any. */
  readonly port?: number
}

export interface LoopbackNode {
  readonly name: NodeName
  readonly address: string
  readonly port: number
  /** A line for known_hosts, without a newline. */
  readonly hostKeyLine: string
  /** Ends the server, its connections, and every process that belongs to a channel; what called setsid lives on. May be called twice. */
  close(): Promise<void>
}

export async function startLoopbackNode(options: LoopbackNodeOptions): Promise<LoopbackNode> {
  const hostKeyText = options.hostKey ?? generateKeyPair(options.name).private
  const hostKey = requireKey(hostKeyText, 'a host key')
  const authorized = requireKey(options.authorizedKey, 'an authorized_keys line')
  const commands = new Set<LoopbackCommand>()

  const server = new ssh2.Server({ hostKeys: [hostKeyText] }, (connection) => {
    const mine = new Set<LoopbackCommand>()
    connection.on('error', () => undefined)
    connection.once('close', () => {
      for (const command of mine) void command.stop()
    })
    connection.on('authentication', (context) => {
      if (isAuthorized(context, authorized)) context.accept()
      else context.reject(['publickey'])
    })
    connection.on('session', (accept) => {
      const session = accept()
      session.once('exec', (acceptExec, _reject, { command }) => {
        const running = runLoopbackCommand(acceptExec(), command, options.home)
        for (const set of [mine, commands]) {
          set.add(running)
          void running.ended.then(() => set.delete(running))
        }
        session.on('signal', (_accept, _rejectSignal, { name }) => {
          running.signal(name)
        })
        // A command that does not read its input keeps its channel from closing; the session closes all the same.
        session.once('close', () => void running.stop())
      })
    })
  })
  // The sockets are ours, so that closing does not depend on the other side.
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    server.injectSocket(socket)
  })
  const address = options.host ?? '127.0.0.1'
  listener.listen(options.port ?? 0, address)
  await once(listener, 'listening')
  const { port } = boundAddress(listener.address())

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const closed = once(listener, 'close')
    listener.close()
    // As when a machine dies: the connections first, so that no call hears an orderly end.
    for (const socket of sockets) socket.destroy()
    await Promise.all([...commands].map((command) => command.stop()))
    await closed
  }
  return {
    name: options.name,
    address,
    port,
    hostKeyLine: knownHostsLine(address, port, hostKey.getPublicSSH()),
    close: () => (closing ??= close()),
  }
}

/** First the client asks whether the key would do (no signature yet), then it proves it (RFC 4252 7). */
function isAuthorized(context: AuthContext, authorized: ParsedKey): boolean {
  if (context.method !== 'publickey' || !context.key.data.equals(authorized.getPublicSSH())) return false
  if (context.signature === undefined || context.blob === undefined) return true
  return authorized.verify(context.blob, context.signature, context.hashAlgo)
}

function requireKey(text: string, what: string): ParsedKey {
  const key = parseKey(text)
  if (!(key instanceof Error)) return key
  throw new FleetError('FLEET_SSH_KEY_FILE', `expected ${what} for a loopback node: ${key.message}`, { cause: key })
}

function boundAddress(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string')
    throw new FleetError('FLEET_SSH_CLOSED', 'expected a loopback node to listen on a TCP port')
  return address
}
