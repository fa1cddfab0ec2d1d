// A port for a program that cannot be told "any": free a moment ago, and not handed out again soon by the kernel.
import { once } from 'node:events'
import { createServer } from 'node:net'

/** `address`: one of this machine. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const bound = server.address()
  server.close()
  await once(server, 'close')
  if (bound === null || typeof bound === 'string') throw new Error(`expected a port on ${address}`)
  return bound.port
}
