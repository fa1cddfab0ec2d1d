// The typed client of protocol v1, for the CLI and for workers written in TypeScript. It never tries a call again by itself:
// every call is safe to repeat, and whoever calls knows how long to go on (`retryable` says whether there is any point).
import type { Secret } from '../core/index.ts'
import {
  idAnswer,
  importAnswer,
  listAnswer,
  pauseAnswer,
  renewAnswer,
  retryAnswer,
  statusAnswer,
  type DispatcherStatus,
  type IdListItem,
  type IdReport,
  type ImportReport,
} from './answers.ts'
import { leaseAnswerOf, settleAnswerOf, type ClientLeaseAnswer, type ClientSettleAnswer } from './client-answers.ts'
import { createWire, type CallOptions } from './client-wire.ts'
import { prepareUpload, type ImportOptions } from './upload.ts'

export interface ClientOptions {
  /** For example `http://10.0.0.5:7070`. */
  readonly url: string
  readonly token: Secret
  /** PEM: the only certificate, or authority, that is trusted for https. Left out: the system's. */
  readonly ca?: string
}

export interface ClientSeat {
  /** `node07/p01`. */
  readonly slot: string
  /** 1 to 64 of `[A-Za-z0-9._-]`, picked once when the worker process starts. */
  readonly instance: string
  /** How long the dispatcher may wait for an ID: 0 (default) to 60,000. */
  readonly waitMs?: number
}

export interface LeaseName {
  readonly id: string
  readonly fence: number
}

/** Every call throws FleetError: FLEET_PROTOCOL_UNREACHABLE (retryable), FLEET_PROTOCOL_ABORTED, FLEET_PROTOCOL_BAD_ANSWER, or the code that the dispatcher answered, as FLEET_PROTOCOL_<CODE>. */
export interface Client {
  lease(seat: ClientSeat, options?: CallOptions): Promise<ClientLeaseAnswer>
  renew(
    lease: LeaseName,
    options?: CallOptions,
  ): Promise<{ readonly kind: 'renewed'; readonly expiresInMs: number } | { readonly kind: 'stale' }>
  /** `result`: JSON text, at most 64 KiB. */
  complete(
    lease: LeaseName & { readonly result?: string },
    next?: ClientSeat,
    options?: CallOptions,
  ): Promise<ClientSettleAnswer>
  fail(
    failure: LeaseName & { readonly errorClass: string; readonly message: string; readonly permanent?: boolean },
    next?: ClientSeat,
    options?: CallOptions,
  ): Promise<ClientSettleAnswer>
  release(
    lease: LeaseName & { readonly delayMs?: number },
    next?: ClientSeat,
    options?: CallOptions,
  ): Promise<ClientSettleAnswer>
  status(options?: CallOptions): Promise<DispatcherStatus>
  /** Sends the stream as it is. After a failure the whole stream may be sent again: what is there counts as duplicate. */
  importIds(stream: AsyncIterable<Uint8Array | string>, options?: ImportOptions): Promise<ImportReport>
  /** FLEET_PROTOCOL_NOT_FOUND: the ledger has no such ID. */
  show(id: string, options?: CallOptions): Promise<IdReport>
  /** IDs in import order, after the ID `after`, at most `limit` (1 to 10,000; default 100). */
  list(
    query: { readonly state?: string; readonly after?: string; readonly limit?: number },
    options?: CallOptions,
  ): Promise<readonly IdListItem[]>
  /** NDJSON, one line per ID, in chunks that may end anywhere. Throws while it is read if the dispatcher goes away. */
  export(options?: CallOptions): AsyncIterable<Uint8Array>
  /** Parked IDs (all, or those given, at most 10,000) become pending. */
  retry(ids?: readonly string[], options?: CallOptions): Promise<{ readonly retried: number }>
  pause(options?: CallOptions): Promise<void>
  resume(options?: CallOptions): Promise<void>
  /** Ends idle connections; calls under way end first. May be called twice. */
  close(): Promise<void>
}

/** Opens no connection by itself. Throws FLEET_PROTOCOL_BAD_URL. */
export function createClient(clientOptions: ClientOptions): Client {
  const wire = createWire(clientOptions)
  const post = (path: string, fields: Record<string, unknown>, options?: CallOptions) =>
    wire.json('POST', path, JSON.stringify(fields), 0, options)

  return {
    async lease(seat, options) {
      return leaseAnswerOf(
        await wire.call('POST', '/v1/lease', JSON.stringify(seatFields(seat)), seat.waitMs ?? 0, options),
      )
    },
    async renew(lease, options) {
      const answer = await wire.call('POST', '/v1/renew', JSON.stringify(nameFields(lease)), 0, options)
      if (answer.status === 409) return { kind: 'stale' }
      return { kind: 'renewed', expiresInMs: wire.parse(renewAnswer, answer).expires_in_ms }
    },
    async complete(lease, next, options) {
      const fields = JSON.stringify({ ...nameFields(lease), ...nextFields(next) })
      // The result goes out as the text that it is.
      const body = lease.result === undefined ? fields : `${fields.slice(0, -1)},"result":${lease.result}}`
      return settleAnswerOf(await wire.call('POST', '/v1/complete', body, next?.waitMs ?? 0, options))
    },
    async fail(failure, next, options) {
      const error = { class: failure.errorClass, message: failure.message }
      const permanent = failure.permanent === undefined ? {} : { permanent: failure.permanent }
      const body = JSON.stringify({ ...nameFields(failure), error, ...permanent, ...nextFields(next) })
      return settleAnswerOf(await wire.call('POST', '/v1/fail', body, next?.waitMs ?? 0, options))
    },
    async release(lease, next, options) {
      const delay = lease.delayMs === undefined ? {} : { delay_ms: lease.delayMs }
      const body = JSON.stringify({ ...nameFields(lease), ...delay, ...nextFields(next) })
      return settleAnswerOf(await wire.call('POST', '/v1/release', body, next?.waitMs ?? 0, options))
    },
    async status(options) {
      return wire.parse(statusAnswer, await wire.json('GET', '/v1/status', undefined, 0, options))
    },
    async importIds(stream, options = {}) {
      const upload = await prepareUpload(stream, options)
      return wire.parse(importAnswer, await wire.upload('/v1/ids', upload.chunks, upload.format, options))
    },
    async show(id, options) {
      return wire.parse(idAnswer, await wire.json('GET', `/v1/ids/${encodeURIComponent(id)}`, undefined, 0, options))
    },
    async list(query, options) {
      const search = new URLSearchParams()
      for (const [name, value] of Object.entries(query)) search.set(name, String(value))
      return wire.parse(listAnswer, await wire.json('GET', `/v1/ids?${search.toString()}`, undefined, 0, options)).ids
    },
    export: (options) => wire.download('/v1/export', options),
    async retry(ids, options) {
      return wire.parse(retryAnswer, await post('/v1/retry', ids === undefined ? {} : { ids }, options))
    },
    async pause(options) {
      wire.parse(pauseAnswer, await post('/v1/pause', {}, options))
    },
    async resume(options) {
      wire.parse(pauseAnswer, await post('/v1/resume', {}, options))
    },
    close: () => wire.close(),
  }
}

function seatFields(seat: ClientSeat): Record<string, unknown> {
  const { slot, instance, waitMs } = seat
  return waitMs === undefined ? { slot, instance } : { slot, instance, wait_ms: waitMs }
}

function nextFields(next: ClientSeat | undefined): Record<string, unknown> {
  return next === undefined ? {} : { next: seatFields(next) }
}

function nameFields({ id, fence }: LeaseName): Record<string, unknown> {
  return { id, fence }
}
