// An SSH server in this process that takes one password, remembers what it was shown, and runs commands on this machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import ssh2 from 'ssh2'
import { generateKeyPair } from '../../src/ssh/index.ts'

export interface PasswordServer extends AsyncDisposable {
  readonly port: number
  /** Every password that was sent to it, in order. */
  readonly passwords: readonly string[]
  /** Connections so far, the refused ones too. */
  readonly connections: () => number
}

/** Where no `password` is given it takes `publicKey` (a line of authorized_keys) and nothing else. */
export async function servePassword({
  password,
  publicKey,
}: {
  readonly password?: string
  readonly publicKey?: string
}): Promise<PasswordServer> {
  const passwords: string[] = []
  let connections = 0
  const blob = publicKey === undefined ? undefined : Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')
  const server = new ssh2.Server({ hostKeys: [generateKeyPair().private] }, (client) => {
    connections += 1
    client.on('error', () => undefined)
    client.on('authentication', (context) => {
      if (context.method === 'password') passwords.push(context.password)
      const isIn =
        (context.method === 'password' && context.password === password) ||
        (context.method === 'publickey' && blob !== undefined && context.key.data.equals(blob))
      if (isIn) context.accept()
      else context.reject(blob === undefined ? ['password'] : ['publickey'])
    })
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec()
        const child = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'ignore'] })
        child.stdin.on('error', () => undefined)
        channel.pipe(child.stdin)
        child.stdout.pipe(channel, { end: false })
        child.on('close', (code) => {
          channel.exit(code ?? 255)
          channel.end()
        })
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    passwords,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
