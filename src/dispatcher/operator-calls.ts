// What an operator asks of the ledger: one ID, a page of IDs, everything, parked IDs back to work, pause and resume.
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FleetError, messageOf, parseId, type Id } from '../core/index.ts'
import type { IdState } from '../ledger/index.ts'
import {
  badRequest,
  decodeRequest,
  DEFAULT_LIST_LIMIT,
  MAX_LIST_LIMIT,
  MAX_RETRY_BODY_BYTES,
  retryRequest,
} from '../protocol/index.ts'
import type { Desk } from './desk.ts'
import { sendJson } from './http-answers.ts'
import { historyJson, recordJson } from './record-json.ts'
import { bodyOf, operatorOnly } from './request-context.ts'

const SHOW_PATH = '/v1/ids/'
const EXPORT_PAGE = 1000
const STATES: readonly IdState[] = ['pending', 'leased', 'done', 'parked']

export function addOperatorCalls(app: FastifyInstance, desk: Desk): void {
  app.addHook('onRequest', operatorOnly)

  app.get(`${SHOW_PATH}*`, async (request, reply) => {
    const id = idInPath(request)
    const history = await desk.ledger.show(id)
    if (history === undefined)
      throw new FleetError('FLEET_DISPATCHER_NOT_FOUND', `the ledger has no ID ${JSON.stringify(id)}`, {
        remedy: 'Check the spelling: every byte of an ID counts.',
      })
    return sendJson(reply, historyJson(history))
  })

  app.get('/v1/ids', async (request, reply) => {
    const query = listQuery(new URLSearchParams(request.url.split('?', 2)[1] ?? ''))
    const records = await desk.ledger.list(query)
    const last = records.length < query.limit ? undefined : records.at(-1)
    const next = last === undefined ? '' : `,"next":${JSON.stringify(last.id)}`
    return sendJson(
      reply,
      `{"ids":[${records.map((record) => recordJson(record, { texts: false })).join(',')}]${next}}`,
    )
  })

  app.get('/v1/export', async (request, reply) => {
    // Whoever reads it may pause for as long as it likes.
    request.raw.setTimeout(0)
    // The first page is read before the answer starts, so that a ledger that cannot be used is still an error and not a broken stream.
    const pages = exportPages(desk)
    const first = await pages.next()
    return reply
      .header('content-type', 'application/x-ndjson')
      .send(Readable.from(joined(first, pages), { objectMode: false }))
  })

  app.post('/v1/retry', { bodyLimit: MAX_RETRY_BODY_BYTES }, async (request, reply) => {
    const { ids } = decodeRequest(retryRequest, bodyOf(request))
    const retried = await desk.ledger.retry(ids)
    if (retried > 0) void desk.leases.wake(retried)
    return sendJson(reply, JSON.stringify({ retried }))
  })

  app.post('/v1/pause', async (_request, reply) => {
    await desk.ledger.setPaused(true)
    desk.leases.setPaused(true)
    return sendJson(reply, '{"paused":true}')
  })

  app.post('/v1/resume', async (_request, reply) => {
    await desk.ledger.setPaused(false)
    desk.leases.setPaused(false)
    return sendJson(reply, '{"paused":false}')
  })
}

/** The ID is taken from the path as it came: a router might read `%2F` or `..` in its own way. */
function idInPath(request: FastifyRequest): Id {
  const path = request.raw.url?.split('?', 1)[0] ?? ''
  let text: string
  try {
    text = decodeURIComponent(path.slice(SHOW_PATH.length))
  } catch {
    throw badRequest('id: expected percent-encoded UTF-8 in the path')
  }
  return parsed(text, 'id')
}

function parsed(text: string, field: string): Id {
  try {
    return parseId(text)
  } catch (thrown) {
    throw badRequest(`${field}: ${messageOf(thrown)}`)
  }
}

function listQuery(search: URLSearchParams): { readonly state?: IdState; readonly after?: Id; readonly limit: number } {
  for (const name of search.keys()) {
    if (name !== 'state' && name !== 'after' && name !== 'limit') throw badRequest(`${name}: unknown field`)
  }
  const stateText = search.get('state')
  const state = STATES.find((known) => known === stateText)
  if (stateText !== null && state === undefined) throw badRequest(`state: expected one of ${STATES.join(', ')}`)
  const limitText = search.get('limit') ?? String(DEFAULT_LIST_LIMIT)
  const limit = /^\d{1,6}$/.test(limitText) ? Number(limitText) : 0
  if (limit < 1 || limit > MAX_LIST_LIMIT) throw badRequest(`limit: expected 1 to ${MAX_LIST_LIMIT}`)
  const after = search.get('after')
  return {
    limit,
    ...(state === undefined ? {} : { state }),
    ...(after === null ? {} : { after: parsed(after, 'after') }),
  }
}

/** Pages of NDJSON in import order. The next page is read when the client has taken the one before. */
async function* exportPages(desk: Desk): AsyncGenerator<string> {
  let after: Id | undefined
  for (;;) {
    const records = await desk.ledger.list({ limit: EXPORT_PAGE, ...(after === undefined ? {} : { after }) })
    if (records.length > 0) yield records.map((record) => `${recordJson(record, { texts: true })}\n`).join('')
    after = records.at(-1)?.id
    if (records.length < EXPORT_PAGE) return
  }
}

async function* joined(first: IteratorResult<string, unknown>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done !== true) yield first.value
  yield* rest
}
