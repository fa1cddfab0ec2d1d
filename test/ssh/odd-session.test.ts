// Servers that let us in and then behave oddly with the channel of a command.
import { once } from 'node:events'
import ssh2, { type ServerChannel, type Session } from 'ssh2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { generateKeyPair } from '../../src/ssh/index.ts'
import { createWorkbench, errorOf, eventually, type Workbench } from './workbench.ts'

describe('a server that lets us in', () => {
  let bench: Workbench
  let server: ssh2.Server
  let clients: ssh2.Connection[]

  /** `onSession` undefined: channels are never answered. */
  const listen = async (onSession?: (session: Session) => void): Promise<{ address: string; port: number }> => {
    clients = []
    server = new ssh2.Server({ hostKeys: [generateKeyPair().private] }, (client) => {
      clients.push(client)
      client.on('error', () => undefined)
      client.on('authentication', (context) => {
        context.accept()
      })
      client.on('session', (accept) => {
        if (onSession !== undefined) onSession(accept())
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return { address: '127.0.0.1', port: address.port }
  }
  const onExec =
    (behave: (channel: ServerChannel) => void) =>
    (session: Session): void => {
      session.on('exec', (accept) => {
        behave(accept())
      })
    }
  const connect = async (onSession?: (session: Session) => void) => {
    const target = bench.target(await listen(onSession))
    return bench.transport({ acceptNew: true, timers: { channelMs: 200 } }).connect(target)
  }

  beforeEach(() => {
    bench = createWorkbench()
  })
  afterEach(async () => {
    server.close()
    for (const client of clients) client.end()
    bench.remove()
    await once(server, 'close')
  })

  test('and closes the channel without a status leaves the outcome unknown', async () => {
    const connection = await connect(onExec((channel) => channel.end('half')))
    const error = await errorOf(connection.exec('x'), 'FLEET_SSH_UNKNOWN_OUTCOME')
    expect(error.retryable).toBe(true)
    await connection.close()
  })

  test('and hangs up at once after the status has delivered the result', async () => {
    const connection = await connect(
      onExec((channel) => {
        channel.write('all of it')
        channel.exit(4)
        channel.end()
        for (const client of clients) client.end()
      }),
    )
    expect(await connection.exec('x')).toMatchObject({ exitCode: 4, stdout: 'all of it' })
    await connection.close()
  })

  test('and refuses commands is named as that, and has none of their channels to keep', async () => {
    let closed = 0
    const connection = await connect((session) => {
      session.on('close', () => (closed += 1))
      session.on('exec', (_accept, reject) => {
        reject()
      })
    })
    for (let number = 0; number < 3; number += 1) await errorOf(connection.exec('x'), 'FLEET_SSH_CHANNEL')
    await eventually(() => closed === 3, 'the channels are closed')
    await connection.close()
  })

  test('and closes the channel before it says whether it takes the command leaves the outcome unknown', async () => {
    const connection = await connect((session) => {
      session.on('exec', () => {
        for (const client of clients) closeUnanswered(client, session)
      })
    })
    const error = await errorOf(connection.exec('x'), 'FLEET_SSH_UNKNOWN_OUTCOME')
    expect(error.message).toContain('closed')
    await connection.close()
  })

  test('and goes while it is asked to take a command is lost', async () => {
    const connection = await connect((session) => {
      session.on('exec', () => {
        for (const client of clients) client.end()
      })
    })
    await errorOf(connection.exec('x'), 'FLEET_SSH_LOST')
    await connection.close()
  })

  test('and never answers a channel request is given up in time, and its places are not given away', async () => {
    const connection = await connect()
    const calls = Array.from({ length: 8 }, () => errorOf(connection.exec('x'), 'FLEET_SSH_CHANNEL_TIMEOUT'))
    await Promise.all(calls)
    await errorOf(connection.exec('x', { timeoutMs: 100 }), 'FLEET_SSH_TIMEOUT')
    await connection.close()
  })
})

/** ssh2's server has no way of its own to do what Dropbear 2022.83 does. */
function closeUnanswered(client: ssh2.Connection, session: Session): void {
  const { _protocol: protocol } = client as unknown as { _protocol: { channelClose(id: number): void } }
  const { _chanInfo: info } = session as unknown as { _chanInfo: { outgoing: { id: number } } }
  protocol.channelClose(info.outgoing.id)
}
