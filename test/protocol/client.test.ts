// The client against servers that do not behave. (Against a real dispatcher it is tested in test/dispatcher.)
import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { Secret } from '../../src/core/index.ts'
import { createClient, type Client } from '../../src/protocol/index.ts'

let server: Server | undefined
let client: Client | undefined
afterEach(async () => {
  await client?.close()
  const open = server
  if (open === undefined) return
  open.closeAllConnections()
  await new Promise((resolve) => open.close(resolve))
  server = undefined
})

const SEAT = { slot: 'node01/p01', instance: 'a' }

async function against(listener: RequestListener): Promise<Client> {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const address = started.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  client = createClient({ url: `http://127.0.0.1:${address.port}`, token: new Secret('t') })
  return client
}

test('a dispatcher that is not there is unreachable, and that is worth trying again', async () => {
  client = await against(() => undefined)
  await new Promise((resolve) => server?.close(resolve))
  server = undefined
  await expect(client.status()).rejects.toMatchObject({ code: 'FLEET_PROTOCOL_UNREACHABLE', retryable: true })
})

test('a connection that breaks in the middle of an answer is unreachable', async () => {
  client = await against((_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{', () => response.destroy())
  })
  await expect(client.status()).rejects.toMatchObject({ code: 'FLEET_PROTOCOL_UNREACHABLE' })
})

test('an aborted call says so', async () => {
  client = await against(() => undefined)
  const abort = new AbortController()
  const call = client.lease({ ...SEAT, waitMs: 60_000 }, { signal: abort.signal })
  abort.abort()
  await expect(call).rejects.toMatchObject({ code: 'FLEET_PROTOCOL_ABORTED', retryable: false })
})

test.each([
  [502, '<html>'],
  [200, '<html>'],
  [200, '{"schema":"fleet.dispatcher/2"}'],
  [404, ''],
])('an answer that is not ours (%i %s) is a bad answer', async (status, body) => {
  client = await against((_request, response) => response.writeHead(status).end(body))
  await expect(client.status()).rejects.toMatchObject({ code: 'FLEET_PROTOCOL_BAD_ANSWER' })
})

test('a lease without a lease in it is a bad answer', async () => {
  client = await against((_request, response) => response.writeHead(200).end('{}'))
  await expect(client.lease(SEAT)).rejects.toMatchObject({ code: 'FLEET_PROTOCOL_BAD_ANSWER' })
})

test('503 tells a worker when to ask again', async () => {
  client = await against((_request, response) =>
    response.writeHead(503, { 'retry-after': '7' }).end('{"error":{"code":"paused","message":"m"}}'),
  )
  expect(await client.lease(SEAT)).toEqual({ kind: 'busy', code: 'FLEET_PROTOCOL_PAUSED', retryAfterMs: 7000 })
})

test('an error carries the code, message and remedy of the dispatcher, and no token', async () => {
  client = await against((_request, response) =>
    response.writeHead(401).end('{"error":{"code":"unauthorized","message":"m","remedy":"r"}}'),
  )
  await expect(client.status()).rejects.toMatchObject({
    code: 'FLEET_PROTOCOL_UNAUTHORIZED',
    message: 'm',
    remedy: 'r',
    retryable: false,
  })
})

test.each(['', 'ftp://x', '10.0.0.5:7070', 'x'])('a URL such as %j is refused', (url) => {
  expect(() => createClient({ url, token: new Secret('t') })).toThrow('expected a dispatcher URL')
})

test('a closed client says so, and may be closed twice', async () => {
  client = await against(() => undefined)
  await Promise.all([client.close(), client.close()])
  await expect(client.status()).rejects.toMatchObject({ code: 'FLEET_PROTOCOL_CLOSED' })
})
