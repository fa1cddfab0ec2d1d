// delaying-relay.ts ROUND_TRIP_MS ADDRESS...: a long way to the SSH servers at these addresses (port 22), for a machine whose kernel
// has no netem. Listens on one loopback port for each address and prints the ports, in one line. Every byte comes out half a round
// trip after it went in, in both directions; nothing else is limited. Ends with its stdin.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

const [roundTripMs = '', ...addresses] = process.argv.slice(2)
const oneWayMs = Number(roundTripMs) / 2
const SSH_PORT = 22
const sockets = new Set<Socket>()

const servers = await Promise.all(addresses.map(listen))
console.log(servers.map(portOf).join(' '))
process.stdin.resume().once('end', () => {
  for (const server of servers) server.close()
  for (const socket of sockets) socket.destroy()
})

async function listen(address: string): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ host: address, port: SSH_PORT, noDelay: true, allowHalfOpen: true })
    delay(near, far)
    delay(far, near)
    for (const socket of [near, far]) sockets.add(socket.once('close', () => sockets.delete(socket)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a TCP port')
  return address.port
}

/** Never stops reading: what is under way is bounded by the windows of SSH. */
function delay(from: Socket, to: Socket): void {
  const underWay: { readonly dueMs: number; readonly chunk: Buffer | undefined }[] = []
  let isWaiting = false
  const deliver = (): void => {
    isWaiting = false
    const nowMs = performance.now()
    while (underWay[0] !== undefined && underWay[0].dueMs <= nowMs) {
      const chunk = underWay.shift()?.chunk
      if (chunk === undefined) to.end()
      else to.write(chunk)
    }
    wait()
  }
  const wait = (): void => {
    const next = underWay[0]
    if (isWaiting || next === undefined) return
    isWaiting = true
    setTimeout(deliver, Math.max(0, next.dueMs - performance.now()))
  }
  const send = (chunk: Buffer | undefined): void => {
    underWay.push({ dueMs: performance.now() + oneWayMs, chunk })
    wait()
  }
  from.on('data', send)
  from.once('end', () => send(undefined))
  from.on('error', () => to.destroy())
  from.once('close', () => send(undefined))
}
