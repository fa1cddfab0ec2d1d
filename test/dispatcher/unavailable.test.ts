// A ledger that cannot write: nobody is told that something was stored, health turns red, and everything heals by itself.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Ledger } from '../../src/ledger/index.ts'
import { startHost, type Host } from './host.ts'

let host: Host
let isBroken = false
beforeEach(async () => {
  isBroken = false
  host = await startHost({ wrap: breakable, leaseMs: 5000 })
})
afterEach(async () => {
  isBroken = false
  await host.close()
})

const SEAT = { slot: 'node01/p01', instance: 'a' }

function breakable(ledger: Ledger): Ledger {
  const unlessBroken =
    <Arguments extends readonly unknown[], Answer>(call: (...given: Arguments) => Promise<Answer>) =>
    async (...given: Arguments): Promise<Answer> => {
      if (isBroken) throw new Error('database or disk is full')
      return call(...given)
    }
  return {
    ...ledger,
    import: unlessBroken((rows) => ledger.import(rows)),
    lease: unlessBroken((seat, ttlMs) => ledger.lease(seat, ttlMs)),
    renew: unlessBroken((id, fence, ttlMs) => ledger.renew(id, fence, ttlMs)),
    settle: unlessBroken((settlement) => ledger.settle(settlement)),
    expire: unlessBroken(() => ledger.expire()),
    retry: unlessBroken((ids) => ledger.retry(ids)),
    setPaused: unlessBroken((paused) => ledger.setPaused(paused)),
    status: unlessBroken(() => ledger.status()),
    list: unlessBroken((query) => ledger.list(query)),
    show: unlessBroken((id) => ledger.show(id)),
  }
}

test('503 for every call and a red health while the ledger cannot be used, and all well afterwards', async () => {
  await host.add('u1', 'u2')
  const { lease } = (await host.post('/v1/lease', SEAT)).json as { lease: { id: string; fence: number } }
  expect((await host.get('/healthz', { token: undefined })).json).toEqual({ ok: true })
  isBroken = true
  const { id, fence } = lease
  const refused = await Promise.all([
    host.post('/v1/lease', SEAT),
    host.post('/v1/renew', { id, fence }),
    host.post('/v1/complete', { id, fence, next: SEAT }),
    host.post('/v1/fail', { id, fence, error: { class: 'x', message: '' } }),
    host.post('/v1/release', { id, fence }),
    host.get('/v1/status'),
    host.get('/v1/ids'),
    host.get('/v1/ids/u1'),
    host.get('/v1/export'),
  ])
  for (const answer of refused) {
    expect(answer).toMatchObject({
      status: 503,
      json: { error: { code: 'unavailable', message: expect.stringContaining('disk is full') as string } },
    })
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
  }
  await expect(host.operator.importIds(oneLine())).rejects.toMatchObject({
    code: 'FLEET_PROTOCOL_UNAVAILABLE',
    retryable: true,
  })
  await expect(host.worker.lease(SEAT)).resolves.toMatchObject({ kind: 'busy', code: 'FLEET_PROTOCOL_UNAVAILABLE' })
  expect(await host.get('/healthz', { token: undefined })).toMatchObject({ status: 503, json: { ok: false } })
  isBroken = false
  expect(await host.get('/healthz', { token: undefined })).toMatchObject({ status: 200 })
  expect(await host.post('/v1/complete', { id, fence, next: SEAT })).toMatchObject({
    status: 200,
    json: { lease: { id: 'u2' } },
  })
})

test('a settlement that was stored is acknowledged even if the next lease fails', async () => {
  await host.close()
  host = await startHost({
    wrap: (ledger) => ({
      ...ledger,
      async settle(settlement) {
        const answer = await ledger.settle(settlement)
        isBroken = true
        return answer
      },
      lease: (seat, ttlMs) => breakable(ledger).lease(seat, ttlMs),
    }),
  })
  await host.add('u1', 'u2')
  const { lease } = (await host.post('/v1/lease', SEAT)).json as { lease: { id: string; fence: number } }
  expect(await host.post('/v1/complete', { id: lease.id, fence: lease.fence, next: SEAT })).toMatchObject({
    status: 200,
    json: {},
  })
})

test('who waits is told, and leases still end once the ledger is back', async () => {
  await host.close()
  host = await startHost({ wrap: breakable, leaseMs: 100 })
  await host.add('u1')
  await host.post('/v1/lease', SEAT)
  isBroken = true
  const waiting = host.post('/v1/lease', { slot: 'node01/p02', instance: 'b', wait_ms: 50_000 })
  expect((await waiting).status).toBe(503)
  isBroken = false
  await vi.waitFor(
    async () => {
      expect((await host.operator.show('u1')).crashes).toBe(1)
    },
    { timeout: 20_000 },
  )
})

test('a health probe does not undo a pause', async () => {
  isBroken = true
  await host.get('/healthz', { token: undefined })
  isBroken = false
  await Promise.all([
    host.get('/healthz', { token: undefined }),
    host.operator.pause(),
    host.get('/healthz', { token: undefined }),
  ])
  await host.get('/healthz', { token: undefined })
  expect((await host.operator.status()).state).toBe('paused')
})

async function* oneLine(): AsyncGenerator<string> {
  yield await Promise.resolve('u3\n')
}
