// Every worker call with every answer, over the real wire.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startHost, tokenOfNode, type Answer, type Host } from './host.ts'

let host: Host
beforeEach(async () => {
  host = await startHost({ backoffMs: [60_000, 120_000] })
})
afterEach(async () => {
  await host.close()
})

const SEAT = { slot: 'node01/p01', instance: 'a' }
const OTHER_SEAT = { slot: 'node02/p01', instance: 'b' }
const FORM = { type: 'application/x-www-form-urlencoded' }
const TEXT = { accept: 'text/plain' }

function lease(answer: Answer): { id: string; fence: number; attempt: number; ttl_ms: number; payload?: unknown } {
  expect(answer.status).toBe(200)
  const { lease } = answer.json as { lease: { id: string; fence: number; attempt: number; ttl_ms: number } }
  return lease
}

function errorCode(answer: Answer): string {
  return (answer.json as { error: { code: string } }).error.code
}

async function stateOf(id: string): Promise<string> {
  return (await host.operator.show(id)).state
}

describe('lease', () => {
  test('200 with the next ID in import order', async () => {
    await host.add('u1', 'u2')
    const first = lease(await host.post('/v1/lease', SEAT))
    const second = lease(await host.post('/v1/lease', OTHER_SEAT))
    expect(first).toEqual({ id: 'u1', fence: expect.any(Number) as number, attempt: 1, ttl_ms: 60_000 })
    expect(second.id).toBe('u2')
    expect(second.fence).toBeGreaterThan(first.fence)
  })

  test('the same slot and instance get the same lease again, because an answer may get lost', async () => {
    await host.add('u1', 'u2')
    const first = lease(await host.post('/v1/lease', SEAT))
    expect(lease(await host.post('/v1/lease', SEAT))).toMatchObject({ id: 'u1', fence: first.fence, attempt: 1 })
  })

  test('the same slot with a new instance ends the old lease as a crash at once', async () => {
    await host.add('u1')
    const first = lease(await host.post('/v1/lease', SEAT))
    const again = lease(await host.post('/v1/lease', { ...SEAT, instance: 'reborn' }))
    expect(again).toMatchObject({ id: 'u1', attempt: 2 })
    expect(again.fence).toBeGreaterThan(first.fence)
    const history = await host.operator.show('u1')
    expect(history).toMatchObject({
      crashes: 1,
      attempts: [{ fence: first.fence, outcome: 'crashed' }, { fence: again.fence }],
    })
    expect((await host.post('/v1/complete', { id: 'u1', fence: first.fence })).status).toBe(409)
  })

  test('204 with no body when there is nothing', async () => {
    const answer = await host.post('/v1/lease', SEAT)
    expect(answer).toMatchObject({ status: 204, text: '' })
  })

  test('410 when every ID is done or parked', async () => {
    await host.add('u1', 'u2')
    const { fence } = lease(await host.post('/v1/lease', SEAT))
    const next = lease(await host.post('/v1/complete', { id: 'u1', fence, next: SEAT }))
    const error = { class: 'gone', message: 'no such user' }
    const last = await host.post('/v1/fail', { id: 'u2', fence: next.fence, error, permanent: true, next: SEAT })
    expect(last).toMatchObject({ status: 200, json: { finished: true } })
    const answer = await host.post('/v1/lease', SEAT)
    expect(answer.status).toBe(410)
    expect(errorCode(answer)).toBe('finished')
    expect(await host.post('/v1/lease', SEAT, TEXT)).toMatchObject({
      status: 410,
      text: 'finished: every ID is done or parked\n',
    })
  })

  test('503 with Retry-After while paused, except for a lease that is held already', async () => {
    await host.add('u1', 'u2')
    const held = lease(await host.post('/v1/lease', SEAT))
    await host.operator.pause()
    const refused = await host.post('/v1/lease', OTHER_SEAT)
    expect(refused.status).toBe(503)
    expect(errorCode(refused)).toBe('paused')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(5)
    expect(lease(await host.post('/v1/lease', SEAT)).fence).toBe(held.fence)
    expect(await host.post('/v1/complete', { id: 'u1', fence: held.fence, next: SEAT })).toMatchObject({
      status: 200,
      json: {},
    })
    await host.operator.resume()
    expect(lease(await host.post('/v1/lease', OTHER_SEAT)).id).toBe('u2')
  })

  test.each([
    [{}, 'slot'],
    [{ slot: 'node01', instance: 'a' }, 'slot'],
    [{ slot: 'node01/p1', instance: 'a' }, 'slot'],
    [{ slot: 'node01/p01', instance: '' }, 'instance'],
    [{ slot: 'node01/p01', instance: 'a', wait_ms: 60_001 }, 'wait_ms'],
    [{ slot: 'node01/p01', instance: 'a', wait_ms: -1 }, 'wait_ms'],
    [{ slot: 'node01/p01', instance: 'a', wait_ms: 1.5 }, 'wait_ms'],
    [{ slot: 'node01/p01', instance: 'a', wait: 1 }, 'wait'],
    ['[]', 'body'],
    ['{', 'body'],
    ['null', 'body'],
  ])('400 names the field that is wrong (case %#)', async (body, field) => {
    const answer = await host.post('/v1/lease', body)
    expect(answer.status).toBe(400)
    expect(answer.json).toMatchObject({
      error: { code: 'bad_request', message: expect.stringMatching(`^${field}: `) as string },
    })
  })
})

describe('renew', () => {
  test('200 with a full ttl, as JSON and as a line', async () => {
    await host.add('u1')
    const { id, fence } = lease(await host.post('/v1/lease', SEAT))
    expect(await host.post('/v1/renew', { id, fence })).toMatchObject({ status: 200, json: { expires_in_ms: 60_000 } })
    expect(await host.post('/v1/renew', `id=u1&fence=${fence}`, { ...FORM, ...TEXT })).toMatchObject({
      status: 200,
      text: '60000\n',
    })
  })

  test('409 for another fence, for a settled lease and for an ID that is not there', async () => {
    await host.add('u1')
    const { id, fence } = lease(await host.post('/v1/lease', SEAT))
    expect((await host.post('/v1/renew', { id, fence: fence + 1 })).status).toBe(409)
    expect((await host.post('/v1/renew', { id: 'nobody', fence })).status).toBe(409)
    await host.post('/v1/complete', { id, fence })
    const late = await host.post('/v1/renew', { id, fence }, TEXT)
    expect(late.status).toBe(409)
    expect(late.text).toMatch(/^stale: [^\n]+\n$/)
  })
})

describe('complete', () => {
  test('200, and the same again for the same fence', async () => {
    await host.add('u1')
    const { id, fence } = lease(await host.post('/v1/lease', SEAT))
    const first = await host.post('/v1/complete', { id, fence, result: { bytes: 12 } })
    const second = await host.post('/v1/complete', { id, fence, result: { bytes: 12 } })
    expect(first).toMatchObject({ status: 200, json: {} })
    expect(second).toMatchObject({ status: 200, json: {} })
    expect(await host.operator.show('u1')).toMatchObject({ state: 'done', result: { bytes: 12 } })
    expect((await host.operator.status()).rate).toBeGreaterThan(0)
  })

  test('a repeated complete with next gets the lease whose answer was lost', async () => {
    await host.add('u1', 'u2', 'u3')
    const { id, fence } = lease(await host.post('/v1/lease', SEAT))
    const body = { id, fence, next: SEAT }
    const lost = lease(await host.post('/v1/complete', body))
    expect(lease(await host.post('/v1/complete', body))).toMatchObject({ id: 'u2', fence: lost.fence })
    expect((await host.operator.status()).ids).toEqual({ imported: 3, pending: 1, leased: 1, done: 1, parked: 0 })
  })

  test('409 for a stale fence, and no next lease', async () => {
    await host.add('u1', 'u2')
    const { id, fence } = lease(await host.post('/v1/lease', SEAT))
    const answer = await host.post('/v1/complete', { id, fence: fence + 7, next: { ...SEAT, instance: 'zombie' } })
    expect(answer.status).toBe(409)
    expect(errorCode(answer)).toBe('stale')
    expect(await stateOf('u2')).toBe('pending')
    // The zombie did not take the seat either.
    expect((await host.post('/v1/renew', { id, fence })).status).toBe(200)
    expect(await host.operator.status()).toMatchObject({ stale_calls: 1 })
  })

  test('409 when it was settled in another way before', async () => {
    await host.add('u1')
    const { id, fence } = lease(await host.post('/v1/lease', SEAT))
    await host.post('/v1/fail', { id, fence, error: { class: 'x', message: '' } })
    expect((await host.post('/v1/complete', { id, fence })).status).toBe(409)
  })

  test('keeps a result as the text that was sent', async () => {
    await host.add('u1')
    const { id, fence } = lease(await host.post('/v1/lease', SEAT))
    const result = '{"big": 12345678901234567890, "b":1.0,"a":[ ]}'
    await host.post('/v1/complete', `{"fence":${fence},"result": ${result} ,"id":"${id}"}`)
    expect((await host.get('/v1/ids/u1')).text).toContain(`"result":${result}`)
  })

  test.each([
    [{ id: 'u1' }, 'fence'],
    [{ id: 'u1', fence: 0 }, 'fence'],
    [{ id: 'u1', fence: '1' }, 'fence'],
    [{ id: '', fence: 1 }, 'id'],
    [{ id: 'a\tb', fence: 1 }, 'id'],
    [{ id: 'x'.repeat(256), fence: 1 }, 'id'],
    [{ id: 'u1', fence: 1, next: { slot: 'node01/p01' } }, 'next.instance'],
    [{ id: 'u1', fence: 1, next: { ...SEAT, wait_ms: 70_000 } }, 'next.wait_ms'],
    [{ id: 'u1', fence: 1, result: 'x'.repeat(65_535) }, 'result'],
  ])('400 names the field that is wrong (case %#)', async (body, field) => {
    expect(await host.post('/v1/complete', body)).toMatchObject({
      status: 400,
      json: { error: { code: 'bad_request', message: expect.stringMatching(`^${field}: `) as string } },
    })
  })

  test('413 for a body beyond every limit', async () => {
    const answer = await host.post('/v1/complete', { id: 'u1', fence: 1, result: 'x'.repeat(300_000) })
    expect(answer.status).toBe(413)
    expect(errorCode(answer)).toBe('too_large')
  })
})

describe('fail and release', () => {
  test('a failed ID comes back later, and is parked at the limit', async () => {
    await host.close()
    host = await startHost({ failures: 2, backoffMs: [1, 2] })
    await host.add('u1')
    const error = { class: 'exit-1', message: 'boom' }
    const first = lease(await host.post('/v1/lease', SEAT))
    const second = lease(
      await host.post('/v1/fail', { id: 'u1', fence: first.fence, error, next: { ...SEAT, wait_ms: 20_000 } }),
    )
    expect(second).toMatchObject({ id: 'u1', attempt: 2 })
    const last = await host.post('/v1/fail', {
      id: 'u1',
      fence: second.fence,
      error,
      next: { ...SEAT, wait_ms: 20_000 },
    })
    expect(last.json).toEqual({ finished: true })
    expect(await host.operator.show('u1')).toMatchObject({
      state: 'parked',
      failures: 2,
      attempts: [{ class: 'exit-1', message: 'boom' }, { outcome: 'failed' }],
    })
  })

  test('a message that is too long is cut between characters, not refused', async () => {
    await host.add('u1')
    const { fence } = lease(await host.post('/v1/lease', SEAT))
    const answer = await host.post('/v1/fail', {
      id: 'u1',
      fence,
      error: { class: 'exit-1', message: `x${'é'.repeat(4000)}` },
    })
    expect(answer.status).toBe(200)
    expect((await host.operator.show('u1')).attempts[0]?.message).toBe(`x${'é'.repeat(2047)}`)
  })

  test('a class that is too long is refused', async () => {
    const answer = await host.post('/v1/fail', { id: 'u1', fence: 1, error: { class: 'x'.repeat(65), message: '' } })
    expect(answer.json).toMatchObject({ error: { message: expect.stringMatching('^error.class: ') as string } })
  })

  test('a released ID costs nothing and goes to whoever asks next', async () => {
    await host.add('u1')
    const { fence } = lease(await host.post('/v1/lease', SEAT))
    expect(await host.post('/v1/release', { id: 'u1', fence })).toMatchObject({ status: 200, json: {} })
    expect(lease(await host.post('/v1/lease', OTHER_SEAT)).id).toBe('u1')
    expect(await host.operator.show('u1')).toMatchObject({ failures: 0, crashes: 0 })
  })

  test('a delayed release is not handed out before its time', async () => {
    await host.add('u1')
    const { fence } = lease(await host.post('/v1/lease', SEAT))
    await host.post('/v1/release', { id: 'u1', fence, delay_ms: 600_000 })
    expect((await host.post('/v1/lease', OTHER_SEAT)).status).toBe(204)
    expect(await stateOf('u1')).toBe('pending')
  })

  test.each(['/v1/fail', '/v1/release'])(
    '%s answers 409 for a stale fence and 200 both times for the valid one',
    async (path) => {
      await host.add('u1')
      const { id, fence } = lease(await host.post('/v1/lease', SEAT))
      const body =
        path === '/v1/fail' ? { id, fence, error: { class: 'x', message: 'y' } } : { id, fence, delay_ms: 1000 }
      expect((await host.post(path, { ...body, fence: fence + 1 })).status).toBe(409)
      expect(await host.post(path, body)).toMatchObject({ status: 200, json: {} })
      expect(await host.post(path, body)).toMatchObject({ status: 200, json: {} })
      expect((await host.operator.show('u1')).attempts).toHaveLength(1)
    },
  )
})

describe('form and text', () => {
  test('a whole life in forms and lines', async () => {
    await host.operator.importIds(payloads(), { format: 'ndjson' })
    const leased = await host.post('/v1/lease', 'slot=node01%2Fp01&instance=a&wait_ms=0', { ...FORM, ...TEXT })
    expect(leased.status).toBe(200)
    expect(leased.headers['content-type']).toMatch('text/plain')
    const [line, payload] = leased.text.split('\n')
    const [id, fence, attempt, ttl] = line?.split('\t') ?? []
    expect([id, attempt, ttl, payload]).toEqual(['ü/1 %', '1', '60000', '{"n": 1}'])
    const done = `id=%C3%BC%2F1+%25&fence=${fence}&result=%5B1%5D&next.slot=node01%2Fp01&next.instance=a`
    const next = await host.post('/v1/complete', done, { ...FORM, ...TEXT })
    expect(next).toMatchObject({ status: 200, text: expect.stringMatching(/^u2\t\d+\t1\t60000\n$/) as string })
    const failed = `id=u2&fence=${next.text.split('\t')[1]}&error.class=exit-1&error.message=%FF+boom%00&permanent=true`
    expect(await host.post('/v1/fail', failed, { ...FORM, ...TEXT })).toMatchObject({ status: 200, text: '' })
    expect(await host.operator.show('ü/1 %')).toMatchObject({ state: 'done', result: [1] })
    expect(await host.operator.show('u2')).toMatchObject({
      state: 'parked',
      attempts: [{ message: '\ufffd boom\ufffd' }],
    })
  })

  test.each([
    ['id=%FF&fence=1', 'id'],
    ['id=u1&fence=x', 'fence'],
    ['id=u1&fence=1&id=u2', 'id'],
    ['id=u1&fence=1&next.slot=node01/p01', 'next.instance'],
    ['id=u1&fence=1&next=1&next.slot=node01/p01', 'next'],
    ['id=u1&fence=1&result=%7B', 'result'],
    ['id=u1&fence=1&__proto__=1', '__proto__'],
  ])('400 for %s', async (form, field) => {
    const answer = await host.post('/v1/complete', form, { ...FORM, ...TEXT })
    expect(answer.status).toBe(400)
    expect(answer.text).toMatch(new RegExp(`^bad_request: ${field}: [^\\n]+\\n$`))
  })

  test('400 for a content type that nobody reads', async () => {
    expect((await host.post('/v1/lease', SEAT, { type: 'application/xml' })).status).toBe(400)
  })

  async function* payloads(): AsyncGenerator<string> {
    yield await Promise.resolve('{"id":"ü/1 %","payload":{"n": 1}}\n{"id":"u2"}\n')
  }
})

describe('who may call', () => {
  test('401 without a token or with another one', async () => {
    for (const token of [undefined, 'x', '', `${tokenOfNode('node01')}x`, 'node01.']) {
      const answer = await host.post('/v1/lease', SEAT, { token })
      expect(answer.status).toBe(401)
      expect(errorCode(answer)).toBe('unauthorized')
    }
    expect((await host.get('/v1/status', { token: undefined })).status).toBe(401)
    expect((await host.get('/metrics', { token: 'x' })).status).toBe(401)
  })

  test("a node's token is good for its own slots and leases only", async () => {
    await host.add('u1', 'u2')
    const token = tokenOfNode('node01')
    const own = lease(await host.post('/v1/lease', SEAT, { token }))
    expect((await host.post('/v1/lease', OTHER_SEAT, { token })).status).toBe(403)
    expect((await host.post('/v1/lease', { slot: 'node011/p01', instance: 'a' }, { token })).status).toBe(403)
    const foreign = lease(await host.post('/v1/lease', OTHER_SEAT))
    for (const path of ['/v1/renew', '/v1/complete', '/v1/release']) {
      expect((await host.post(path, { id: foreign.id, fence: foreign.fence }, { token })).status).toBe(403)
    }
    expect(
      (await host.post('/v1/complete', { id: own.id, fence: own.fence, next: OTHER_SEAT }, { token })).status,
    ).toBe(403)
    expect(await stateOf('u1')).toBe('leased')
    expect((await host.post('/v1/complete', { id: own.id, fence: own.fence, next: SEAT }, { token })).status).toBe(200)
  })

  test("a node's token reaches no foreign lease that was granted before a restart either", async () => {
    await host.add('u1')
    const foreign = lease(await host.post('/v1/lease', OTHER_SEAT))
    await host.restart()
    expect((await host.post('/v1/complete', foreign, { token: tokenOfNode('node01') })).status).toBe(400)
    const { id, fence } = foreign
    expect((await host.post('/v1/complete', { id, fence }, { token: tokenOfNode('node01') })).status).toBe(403)
    expect((await host.post('/v1/complete', { id, fence }, { token: tokenOfNode('node02') })).status).toBe(200)
  })

  test('404 for a call that does not exist', async () => {
    const answer = await host.get('/v1/nothing')
    expect(answer.status).toBe(404)
    expect(errorCode(answer)).toBe('not_found')
  })
})
