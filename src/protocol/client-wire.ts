// HTTP for the client: one pool of kept-alive connections, timeouts by phase instead of one for the whole call, and one place
// that turns everything that can go wrong into a FleetError.
import { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { z } from 'zod'
import { FleetError, messageOf, type Secret } from '../core/index.ts'
import { answeredError, badAnswer, wireError } from './client-errors.ts'
import type { ImportFormat } from './import-lines.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** How long a dispatcher may take to answer a call, beside the time that it was asked to wait. */
const ANSWER_TIMEOUT_MS = 30_000
/** An import ends with the last commit; the answer may be that late. */
const IMPORT_ANSWER_TIMEOUT_MS = 600_000
/** Longest silence in the middle of an answer. */
const SILENCE_TIMEOUT_MS = 60_000

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface WireAnswer {
  readonly status: number
  readonly text: string
  /** From Retry-After; undefined when there was none. */
  readonly retryAfterMs: number | undefined
}

export interface Wire {
  /** Any answer, whatever its status. `waitMs`: how long the dispatcher may hold the call back. */
  call(
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    waitMs: number,
    options?: CallOptions,
  ): Promise<WireAnswer>
  /** Like `call`, but anything except 200 throws. */
  json(
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    waitMs: number,
    options?: CallOptions,
  ): Promise<WireAnswer>
  upload(
    path: string,
    stream: AsyncIterable<Uint8Array>,
    format: ImportFormat,
    options?: CallOptions,
  ): Promise<WireAnswer>
  download(path: string, options?: CallOptions): AsyncIterable<Uint8Array>
  /** A 200 as `schema` describes it; anything else throws. */
  parse<Schema extends z.ZodType>(schema: Schema, answer: WireAnswer): z.infer<Schema>
  close(): Promise<void>
}

export function createWire({
  url,
  token,
  ca,
}: {
  readonly url: string
  readonly token: Secret
  readonly ca?: string
}): Wire {
  const origin = originOf(url)
  // Loaded with the first call: most commands make none, and loading it takes longer than reaching a node.
  let opened: Promise<Pool> | undefined
  const pooled = (): Promise<Pool> =>
    (opened ??= import('undici').then(
      ({ Pool }) =>
        new Pool(origin, {
          connect: { timeout: CONNECT_TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) },
          bodyTimeout: SILENCE_TIMEOUT_MS,
        }),
    ))
  const authorization = `Bearer ${token.reveal()}`
  let closing: Promise<void> | undefined

  async function send(request: Dispatcher.RequestOptions, options: CallOptions = {}): Promise<Dispatcher.ResponseData> {
    try {
      const pool = await pooled()
      return await pool.request({ ...request, ...(options.signal === undefined ? {} : { signal: options.signal }) })
    } catch (thrown) {
      throw wireError(thrown, origin)
    }
  }

  async function read(response: Dispatcher.ResponseData): Promise<WireAnswer> {
    try {
      return {
        status: response.statusCode,
        text: await response.body.text(),
        retryAfterMs: retryAfterMs(response.headers['retry-after']),
      }
    } catch (thrown) {
      throw wireError(thrown, origin)
    }
  }

  const wire: Wire = {
    async call(method, path, body, waitMs, options) {
      const headers: Record<string, string> = { authorization }
      if (body !== undefined) headers['content-type'] = 'application/json'
      return read(
        await send({ method, path, headers, body: body ?? null, headersTimeout: waitMs + ANSWER_TIMEOUT_MS }, options),
      )
    },
    async json(method, path, body, waitMs, options) {
      const answer = await wire.call(method, path, body, waitMs, options)
      if (answer.status !== 200) throw answeredError(answer)
      return answer
    },
    async upload(path, stream, format, options) {
      const headers = { authorization, 'content-type': format === 'ndjson' ? 'application/x-ndjson' : 'text/plain' }
      const request: Dispatcher.RequestOptions = {
        method: 'POST',
        path,
        headers,
        headersTimeout: IMPORT_ANSWER_TIMEOUT_MS,
      }
      const source = watched(stream)
      const body = Readable.from(source.chunks, { objectMode: false })
      try {
        return await read(await send({ ...request, body }, options))
      } catch (thrown) {
        // A file that cannot be read is not a dispatcher that cannot be reached.
        throw source.failure() ?? thrown
      } finally {
        body.destroy()
      }
    },
    async *download(path, options) {
      const response = await send(
        { method: 'GET', path, headers: { authorization }, headersTimeout: ANSWER_TIMEOUT_MS },
        options,
      )
      if (response.statusCode !== 200) throw answeredError(await read(response))
      try {
        yield* response.body
      } catch (thrown) {
        throw wireError(thrown, origin)
      }
    },
    parse(schema, answer) {
      if (answer.status !== 200) throw answeredError(answer)
      let value: unknown
      try {
        value = JSON.parse(answer.text)
      } catch (cause) {
        throw badAnswer(`expected JSON from the dispatcher, ${messageOf(cause)}`, cause)
      }
      const parsed = schema.safeParse(value)
      if (!parsed.success)
        throw badAnswer(`expected an answer of protocol v1, ${parsed.error.issues[0]?.message ?? ''}`, parsed.error)
      return parsed.data
    },
    close() {
      closing ??= pooled().then((pool) => pool.close())
      return closing
    },
  }
  return wire
}

function watched(stream: AsyncIterable<Uint8Array>): {
  readonly chunks: AsyncIterable<Uint8Array>
  failure(): unknown
} {
  let failure: unknown
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield* stream
    } catch (thrown) {
      failure = thrown
      throw thrown
    }
  }
  return { chunks: chunks(), failure: () => failure }
}

function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new FleetError(
      'FLEET_PROTOCOL_BAD_URL',
      `expected a dispatcher URL such as http://10.0.0.5:7070, got ${JSON.stringify(url)}`,
    )
  }
  return parsed.origin
}

/** Only the delay in seconds is read (RFC 9110, section 10.2.3); a date would need two clocks to agree. */
function retryAfterMs(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}
