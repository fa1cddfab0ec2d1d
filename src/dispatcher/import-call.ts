// POST /v1/ids: any number of lines in bounded memory. Rows are stored in batches as they arrive; whatever ends the request early,
// what was stored stays, and the same lines again add nothing.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ImportRow } from '../ledger/index.ts'
import {
  badRequest,
  createImportParser,
  MAX_REJECTED_SHOWN,
  type ImportFormat,
  type ImportLine,
} from '../protocol/index.ts'
import type { Desk } from './desk.ts'
import { draining, sendJson } from './http-answers.ts'
import { operatorOnly } from './request-context.ts'

const BATCH_ROWS = 1000
/** Payloads may be large: a batch also ends here. */
const BATCH_BYTES = 4_194_304

interface ImportReport {
  added: number
  duplicates: number
  readonly rejected: { readonly line: number; readonly reason: string }[]
  rejected_count: number
}

/** Needs a context of its own: its bodies are streams. */
export function addImportCall(app: FastifyInstance, desk: Desk): void {
  app.removeAllContentTypeParsers()
  for (const type of ['application/x-ndjson', 'text/plain']) {
    app.addContentTypeParser(type, (_request, stream, done) => {
      done(null, stream)
    })
  }
  app.post('/v1/ids', { onRequest: operatorOnly }, async (request, reply) => {
    const report = await importFrom(request, desk)
    return sendJson(reply, JSON.stringify(report))
  })
}

async function importFrom(request: FastifyRequest, desk: Desk): Promise<ImportReport> {
  const report: ImportReport = { added: 0, duplicates: 0, rejected: [], rejected_count: 0 }
  const parser = createImportParser(formatOf(request))
  let batch: ImportRow[] = []
  let batchBytes = 0

  async function store(): Promise<void> {
    if (batch.length === 0) return
    const { added, duplicates } = await desk.ledger.import(batch)
    batch = []
    batchBytes = 0
    report.added += added
    report.duplicates += duplicates
    desk.tally.added += added
    desk.tally.duplicates += duplicates
    if (added > 0) void desk.leases.wake(added)
  }

  async function take(lines: readonly ImportLine[]): Promise<void> {
    for (const line of lines) {
      if (line.kind === 'rejected') {
        report.rejected_count += 1
        desk.tally.rejected += 1
        if (report.rejected.length < MAX_REJECTED_SHOWN) report.rejected.push({ line: line.line, reason: line.reason })
        continue
      }
      batch.push(line.row)
      batchBytes += line.row.payload?.length ?? 0
      if (batch.length >= BATCH_ROWS || batchBytes >= BATCH_BYTES) await store()
    }
  }

  // A producer may pause for as long as it likes; the system notices a dead peer.
  request.raw.setTimeout(0)
  // Whatever goes wrong here must still be answered, so leaving the loop leaves the connection alone.
  const chunks: AsyncIterable<Buffer> = request.raw.iterator({ destroyOnReturn: false })
  for await (const chunk of chunks) {
    if (desk.isDraining) throw draining()
    await take(parser.push(chunk))
  }
  await take(parser.end())
  await store()
  return report
}

function formatOf(request: FastifyRequest): ImportFormat {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/x-ndjson') return 'ndjson'
  if (type === 'text/plain') return 'plain'
  throw badRequest('content-type: expected application/x-ndjson or text/plain')
}
