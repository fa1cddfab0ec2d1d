// Waiting for an ID: who is served, in which order, and who is not. Tests wait for what the dispatcher says about itself
// (`fleet_waiting_workers`), never for time to pass.
import { connect } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import type { Ledger } from '../../src/ledger/index.ts'
import { startHost, WORKER, type Answer, type Host, type HostOptions } from './host.ts'

let host: Host
afterEach(async () => {
  await host.close()
})

const WAIT_MS = 50_000

async function start(options: HostOptions = {}): Promise<void> {
  host = await startHost(options)
}

function ask(
  number: number,
  extras: { waitMs?: number; instance?: string; signal?: AbortSignal } = {},
): Promise<Answer> {
  const { waitMs = WAIT_MS, instance = `i${number}`, signal } = extras
  const slot = `node01/p${String(number).padStart(2, '0')}`
  return host.post('/v1/lease', { slot, instance, wait_ms: waitMs }, signal === undefined ? {} : { signal })
}

async function untilWaiting(count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      expect((await host.get('/metrics')).text).toContain(`fleet_waiting_workers ${count}\n`)
    },
    { timeout: 20_000, interval: 10 },
  )
}

function idOf(answer: Answer): string {
  expect(answer.status).toBe(200)
  return (answer.json as { lease: { id: string } }).lease.id
}

test('200 waiters and 50 imported IDs: exactly 50 are served, each ID once, with hardly a question more', async () => {
  let questions = 0
  await start({
    wrap: (ledger) => ({
      ...ledger,
      lease(seat, ttlMs) {
        questions += 1
        return ledger.lease(seat, ttlMs)
      },
    }),
  })
  const answers = Array.from({ length: 200 }, (_, index) => ask(index + 1))
  await untilWaiting(200)
  questions = 0
  await host.add(...Array.from({ length: 50 }, (_, index) => `u${index + 1}`))
  await untilWaiting(150)
  expect(questions).toBeLessThan(55)
  expect((await host.operator.status()).ids).toEqual({ imported: 50, pending: 0, leased: 50, done: 0, parked: 0 })
  await host.dispatcher.close()
  const all = await Promise.all(answers)
  const served = all.filter((answer) => answer.status === 200)
  expect(new Set(served.map(idOf)).size).toBe(50)
  expect(all.filter((answer) => answer.status === 503)).toHaveLength(150)
})

test('waiters are served in the order in which they came', async () => {
  await start()
  const first = ask(2)
  await untilWaiting(1)
  const second = ask(1)
  await untilWaiting(2)
  await host.add('a')
  expect(idOf(await first)).toBe('a')
  await host.add('b')
  expect(idOf(await second)).toBe('b')
})

test('a waiter that hung up gets nothing', async () => {
  await start()
  const abort = new AbortController()
  const gone = ask(1, { signal: abort.signal })
  await untilWaiting(1)
  const patient = ask(2)
  await untilWaiting(2)
  abort.abort()
  await expect(gone).rejects.toThrow()
  await untilWaiting(1)
  await host.add('a')
  expect(idOf(await patient)).toBe('a')
})

test('a socket that is closed without a word gets nothing', async () => {
  await start()
  const body = JSON.stringify({ slot: 'node01/p01', instance: 'i', wait_ms: WAIT_MS })
  const socket = connect(host.port, '127.0.0.1')
  socket.write(
    `POST /v1/lease HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${WORKER}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await untilWaiting(1)
  socket.destroy()
  await untilWaiting(0)
  await host.add('a')
  expect((await host.operator.show('a')).state).toBe('pending')
})

test('204 after wait_ms', async () => {
  await start()
  const startedMs = performance.now()
  expect((await ask(1, { waitMs: 300 })).status).toBe(204)
  expect(performance.now() - startedMs).toBeGreaterThan(290)
})

test('a slot that asks again takes the place of its older call', async () => {
  await start()
  const older = ask(1)
  await untilWaiting(1)
  const newer = ask(1, { instance: 'reborn' })
  expect((await older).status).toBe(204)
  await untilWaiting(1)
  await host.add('a')
  expect(idOf(await newer)).toBe('a')
})

test('a released ID, a retried one and one that becomes due wake a waiter', async () => {
  await start({ failures: 2, backoffMs: [50, 100] })
  await host.add('a')
  const { lease } = (await ask(1)).json as { lease: { id: string; fence: number } }
  const second = ask(2)
  await untilWaiting(1)
  await host.post('/v1/release', { id: lease.id, fence: lease.fence })
  const released = (await second).json as { lease: { id: string; fence: number } }
  const third = ask(3)
  await untilWaiting(1)
  await host.post('/v1/fail', { id: 'a', fence: released.lease.fence, error: { class: 'x', message: '' } })
  const due = (await third).json as { lease: { id: string; fence: number } }
  await host.add('b')
  expect(idOf(await ask(4))).toBe('b')
  const fourth = ask(5)
  await untilWaiting(1)
  await host.post('/v1/fail', { id: 'a', fence: due.lease.fence, error: { class: 'x', message: '' } })
  expect((await host.operator.show('a')).state).toBe('parked')
  await host.operator.retry(['a'])
  expect(idOf(await fourth)).toBe('a')
})

test('a lease that nobody renews ends by itself and goes to a waiter', async () => {
  await start({ leaseMs: 200 })
  await host.add('a')
  idOf(await ask(1))
  expect(idOf(await ask(2))).toBe('a')
  expect(await host.operator.show('a')).toMatchObject({ crashes: 1, attempts: [{ outcome: 'expired' }, {}] })
})

test('a lease ends by itself when nobody waits either', async () => {
  await start({ leaseMs: 100, crashes: 1 })
  await host.add('a')
  idOf(await ask(1))
  await vi.waitFor(
    async () => {
      expect((await host.operator.status()).state).toBe('finished')
    },
    { timeout: 20_000 },
  )
})

test('410 for everybody who waits when the last ID is done', async () => {
  await start()
  await host.add('a')
  const { lease } = (await ask(1)).json as { lease: { id: string; fence: number } }
  const waiters = [ask(2), ask(3), ask(4)]
  await untilWaiting(3)
  const last = await host.post('/v1/complete', {
    id: 'a',
    fence: lease.fence,
    next: { slot: 'node01/p01', instance: 'i1', wait_ms: WAIT_MS },
  })
  expect(last.json).toEqual({ finished: true })
  expect((await Promise.all(waiters)).map((answer) => answer.status)).toEqual([410, 410, 410])
})

test('pause sends waiters away, resume lets the next ones in', async () => {
  await start()
  await host.add('a')
  const { lease } = (await ask(1)).json as { lease: { id: string; fence: number } }
  const waiter = ask(2)
  await untilWaiting(1)
  await host.operator.pause()
  const paused = await waiter
  expect([paused.status, paused.headers['retry-after'] !== undefined]).toEqual([503, true])
  expect((await host.operator.status()).state).toBe('paused')
  await host.add('b')
  expect((await ask(2)).status).toBe(503)
  expect(await host.post('/v1/complete', { id: 'a', fence: lease.fence })).toMatchObject({ status: 200 })
  await host.operator.resume()
  expect(idOf(await ask(2))).toBe('b')
})

test('a pause survives a restart', async () => {
  await start()
  await host.add('a')
  await host.operator.pause()
  await host.restart()
  expect((await ask(1)).status).toBe(503)
})

test('an answer that was lost with its connection is given again', async () => {
  let release: (() => void) | undefined
  let asked: (() => void) | undefined
  const isAsked = new Promise<void>((resolve) => (asked = resolve))
  await start({
    wrap: (ledger): Ledger => ({
      ...ledger,
      async lease(seat, ttlMs) {
        const answer = await ledger.lease(seat, ttlMs)
        if (release === undefined && answer.kind === 'leased') {
          await new Promise<void>((resolve) => {
            release = resolve
            asked?.()
          })
        }
        return answer
      },
    }),
  })
  await host.add('a', 'b')
  const abort = new AbortController()
  const lost = ask(1, { signal: abort.signal })
  await isAsked
  abort.abort()
  await expect(lost).rejects.toThrow()
  release?.()
  expect(idOf(await ask(1))).toBe('a')
  expect((await host.operator.show('a')).attempts).toHaveLength(1)
})

test('close answers those who wait, may be called twice, and lets no connection hang', async () => {
  await start()
  const waiters = [ask(1), ask(2)]
  await untilWaiting(2)
  const startedMs = performance.now()
  await Promise.all([host.dispatcher.close(), host.dispatcher.close()])
  for (const answer of await Promise.all(waiters)) {
    expect(answer).toMatchObject({ status: 503, json: { error: { code: 'draining' } } })
  }
  expect(performance.now() - startedMs).toBeLessThan(6000)
})
