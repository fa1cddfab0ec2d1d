// What an operator can do, over the real wire: import, look, export, retry, and how the dispatcher tells how it is.
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { whyNotAnId } from '../../src/core/index.ts'
import { startHost, OPERATOR, tokenOfNode, WORKER, type Host } from './host.ts'

let host: Host
beforeEach(async () => {
  host = await startHost({ failures: 1 })
})
afterEach(async () => {
  await host.close()
})

const SEAT = { slot: 'node01/p01', instance: 'a' }
const HOSTILE = [
  '..',
  '.',
  'a/b',
  '/',
  '//x',
  'a%2Fb',
  '%',
  '%25',
  '100 %',
  'a?b=c&d',
  '#',
  'ü',
  '用户',
  '👩‍👩‍👧',
  ' ',
  ' x ',
  '+',
  "it's",
  '"',
  '\\',
  '{}',
  '{"id":"x"}',
  '*',
  ':id',
  '<b>',
  '__proto__',
  'constructor',
  '-rf',
  '$(reboot)',
  'x'.repeat(255),
  'é'.repeat(127),
]

async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part)
}

async function exported(): Promise<Record<string, unknown>[]> {
  const parts: Uint8Array[] = []
  for await (const chunk of host.operator.export()) parts.push(chunk)
  const text = Buffer.concat(parts).toString()
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('import', () => {
  test('100,000 lines stream in, and bad ones are reported by line number', async () => {
    const progress: number[] = []
    const report = await host.operator.importIds(manyLines(), { onProgress: (sentBytes) => progress.push(sentBytes) })
    expect(report).toMatchObject({ added: 99_800, duplicates: 0, rejected_count: 200 })
    expect(report.rejected).toHaveLength(100)
    expect(report.rejected[0]).toEqual({ line: 500, reason: 'an ID must not contain control characters' })
    expect(report.rejected[99]?.line).toBe(50_000)
    expect(progress.length).toBeGreaterThan(10)
    expect((await host.operator.status()).ids).toEqual({
      imported: 99_800,
      pending: 99_800,
      leased: 0,
      done: 0,
      parked: 0,
    })
  })

  async function* manyLines(): AsyncGenerator<string> {
    for (let start = 1; start <= 100_000; start += 1000) {
      yield await Promise.resolve(
        Array.from(
          { length: 1000 },
          (_, index) => `user-${start + index}${(start + index) % 500 === 0 ? '\t' : ''}\n`,
        ).join(''),
      )
    }
  }

  test('the same lines again add nothing', async () => {
    expect(await host.operator.importIds(chunks('a\nb\n'))).toMatchObject({ added: 2, duplicates: 0 })
    expect(await host.operator.importIds(chunks('a\nb\nc'))).toMatchObject({ added: 1, duplicates: 2 })
  })

  test('NDJSON is recognized by its first byte, and payloads stay what they were', async () => {
    const payload = '{"n": 12345678901234567890, "s":"\\u0000"}'
    expect(
      await host.operator.importIds(chunks('\ufeff{"id":"a","pay', `load": ${payload}}\r\n{"id":1}\n`)),
    ).toMatchObject({ added: 1, rejected: [{ line: 2 }] })
    const answer = await host.post('/v1/lease', SEAT)
    expect(answer.text).toContain(`"payload":${payload}}`)
  })

  test('a client that disconnects in the middle loses nothing that was stored', async () => {
    const socket = connect(host.port, '127.0.0.1')
    socket.write(
      `POST /v1/ids HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${OPERATOR}\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n`,
    )
    const text = Array.from({ length: 2500 }, (_, index) => `u${index}\n`).join('')
    socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)
    await vi.waitFor(
      async () => {
        expect((await host.operator.status()).ids.imported).toBe(2000)
      },
      { timeout: 20_000 },
    )
    socket.destroy()
    expect(await host.operator.importIds(chunks(text))).toMatchObject({ added: 500, duplicates: 2000 })
  })

  test('a dispatcher that stops in the middle says so instead of pretending to be done', async () => {
    const stopping = host.operator.importIds(stopsAfterFirstChunk(), { format: 'plain' })
    await expect(stopping).rejects.toMatchObject({ retryable: true })
    await host.restart()
    expect((await host.operator.status()).ids.imported).toBe(1000)
  })

  async function* stopsAfterFirstChunk(): AsyncGenerator<string> {
    yield Array.from({ length: 1000 }, (_, index) => `u${index}\n`).join('')
    await vi.waitFor(
      async () => {
        expect((await host.operator.status()).ids.imported).toBe(1000)
      },
      { timeout: 20_000 },
    )
    void host.dispatcher.close()
    yield 'late\n'
  }

  test('another content type is refused', async () => {
    const answer = await host.post('/v1/ids', {}, { token: OPERATOR, type: 'application/json' })
    expect(answer.status).toBe(400)
  })

  test('a source that cannot be read is not mistaken for a dispatcher that cannot be reached', async () => {
    await expect(host.operator.importIds(broken())).rejects.toThrow('no such file')
  })

  async function* broken(): AsyncGenerator<string> {
    yield await Promise.resolve('a\nb\nc\nd\n')
    throw new Error('no such file')
  }
})

describe('hostile IDs', () => {
  test('come through import, list, show, export and a lease unchanged, in JSON, text and form', async () => {
    await host.operator.importIds(chunks(HOSTILE.map((id) => JSON.stringify({ id })).join('\n')))
    await goRound(HOSTILE)
  })

  test('any ID at all comes through', async () => {
    const ids = fc.sample(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((id) => whyNotAnId(id) === undefined),
      { numRuns: 60, seed: 7 },
    )
    const unique = [...new Set(ids)]
    await host.operator.importIds(chunks(unique.map((id) => JSON.stringify({ id })).join('\n')))
    await goRound(unique)
  })

  async function goRound(ids: readonly string[]): Promise<void> {
    expect((await host.operator.list({ limit: 1000 })).map(({ id }) => id)).toEqual(ids)
    expect((await exported()).map(({ id }) => id)).toEqual(ids)
    for (const id of ids) {
      expect((await host.operator.show(id)).id).toBe(id)
      expect((await host.operator.list({ after: id, limit: 1 }))[0]?.id).toBe(ids[ids.indexOf(id) + 1])
    }
    let next = await host.post('/v1/lease', SEAT, { accept: 'text/plain' })
    for (const [index, id] of ids.entries()) {
      const [leased, fence] = next.text.split('\n')[0]?.split('\t') ?? []
      expect(leased).toBe(id)
      const form = new URLSearchParams({
        id,
        fence: fence ?? '',
        'next.slot': SEAT.slot,
        'next.instance': SEAT.instance,
      }).toString()
      const json = { id, fence: Number(fence), next: SEAT }
      next =
        index % 2 === 0
          ? await host.post('/v1/complete', form, { type: 'application/x-www-form-urlencoded', accept: 'text/plain' })
          : await host.post('/v1/complete', json, { accept: 'text/plain' })
      expect(next.status).toBe(200)
    }
    expect((await host.operator.status()).state).toBe('finished')
  }
})

describe('list, show, export, retry', () => {
  test('list pages by state, in import order', async () => {
    await host.add('a', 'b', 'c', 'd')
    await host.post('/v1/lease', SEAT)
    expect((await host.get('/v1/ids?state=pending&limit=2')).json).toEqual({
      ids: [
        { id: 'b', state: 'pending', fence: 0, failures: 0, crashes: 0 },
        { id: 'c', state: 'pending', fence: 0, failures: 0, crashes: 0 },
      ],
      next: 'c',
    })
    expect((await host.get('/v1/ids?state=pending&limit=2&after=c')).json).toMatchObject({ ids: [{ id: 'd' }] })
    expect((await host.operator.list({ state: 'leased' })).map(({ id }) => id)).toEqual(['a'])
  })

  test.each(['state=gone', 'limit=0', 'limit=10001', 'limit=x', 'after=', 'stat=done'])(
    'list refuses ?%s',
    async (query) => {
      const answer = await host.get(`/v1/ids?${query}`)
      expect(answer.status).toBe(400)
      expect(answer.text).toContain(`"message":"${query.split('=')[0]}: `)
    },
  )

  test('show answers 404 for an ID that is not there and 400 for what cannot be one', async () => {
    expect((await host.get('/v1/ids/nobody')).status).toBe(404)
    await expect(host.operator.show('nobody')).rejects.toMatchObject({
      code: 'FLEET_PROTOCOL_NOT_FOUND',
      retryable: false,
    })
    expect((await host.get('/v1/ids/%FF')).status).toBe(400)
    expect((await host.get('/v1/ids/%0A')).status).toBe(400)
    expect((await host.get('/v1/ids/%')).status).toBe(400)
  })

  test('export of more than one page has every ID once', async () => {
    const ids = Array.from({ length: 2500 }, (_, index) => `u${index}`)
    await host.add(...ids)
    expect((await exported()).map(({ id }) => id)).toEqual(ids)
  })

  test('export of nothing is an empty stream', async () => {
    expect(await exported()).toEqual([])
  })

  test('retry brings back the given parked IDs, or all', async () => {
    await host.add('a', 'b', 'c')
    let next = await host.post('/v1/lease', SEAT)
    for (const id of ['a', 'b', 'c']) {
      const { lease } = next.json as { lease: { fence: number } }
      next = await host.post('/v1/fail', { id, fence: lease.fence, error: { class: 'x', message: '' }, next: SEAT })
    }
    expect((await host.operator.status()).ids.parked).toBe(3)
    expect(await host.operator.retry(['a', 'nobody'])).toEqual({ retried: 1 })
    expect(await host.operator.retry()).toEqual({ retried: 2 })
    expect((await host.operator.status()).ids.pending).toBe(3)
  })
})

describe('status', () => {
  test('tells counts, rate, eta and nodes', async () => {
    await host.add('a', 'b', 'c')
    const { lease } = (await host.post('/v1/lease', SEAT)).json as { lease: { fence: number } }
    await host.post('/v1/complete', { id: 'a', fence: lease.fence, next: SEAT })
    const status = await host.worker.status()
    expect(status).toMatchObject({
      schema: 'fleet.dispatcher/1',
      job: 'photos',
      state: 'running',
      ids: { imported: 3, pending: 1, leased: 1, done: 1, parked: 0 },
      stale_calls: 0,
      nodes: [
        { node: 'node01', leased: 1, done: 1, failures: 0, crashes: 0, rate_per_min: expect.any(Number) as number },
      ],
      version: '0.0.0-test',
    })
    expect(status.rate).toBeGreaterThan(0)
    expect(status.eta).toBeGreaterThan(0)
  })

  test('metrics follow the Prometheus text format', async () => {
    await host.add('a')
    const { text, headers } = await host.get('/metrics')
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(text).toContain(
      '# HELP fleet_ids IDs in the ledger, by state.\n# TYPE fleet_ids gauge\nfleet_ids{state="pending"} 1\n',
    )
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z]+="[a-z]+"\})? \d+(?:\.\d+)?)$/)
  })
})

test('worker tokens open no operator call', async () => {
  for (const token of [WORKER, tokenOfNode('node01')]) {
    const calls = [
      host.get('/v1/ids', { token }),
      host.get('/v1/ids/a', { token }),
      host.get('/v1/export', { token }),
      host.post('/v1/ids', 'a\n', { token, type: 'text/plain' }),
      host.post('/v1/retry', {}, { token }),
      host.post('/v1/pause', {}, { token }),
      host.post('/v1/resume', {}, { token }),
    ]
    for (const answer of await Promise.all(calls)) {
      expect(answer).toMatchObject({ status: 403, json: { error: { code: 'forbidden' } } })
    }
  }
  expect((await host.operator.status()).ids.imported).toBe(0)
})
