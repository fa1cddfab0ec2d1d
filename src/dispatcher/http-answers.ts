// How answers are written: JSON, or text for a shell that asked for it with `Accept: text/plain`. Every error of every call
// passes through `sendError`, so each has the same shape.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FleetError, toFleetError } from '../core/index.ts'
import { leaseToJson, leaseToText } from '../protocol/index.ts'
import type { Lease } from '../ledger/index.ts'

const JSON_TYPE = 'application/json'
const TEXT_TYPE = 'text/plain; charset=utf-8'

/** Codes of FleetErrors, as the status and code that the wire shows. Whatever is not here is 500 `internal`. */
const STATUS: Readonly<Record<string, readonly [status: number, code: string]>> = {
  FLEET_PROTOCOL_BAD_REQUEST: [400, 'bad_request'],
  FLEET_DISPATCHER_UNAUTHORIZED: [401, 'unauthorized'],
  FLEET_DISPATCHER_FORBIDDEN: [403, 'forbidden'],
  FLEET_DISPATCHER_NOT_FOUND: [404, 'not_found'],
  FLEET_DISPATCHER_STALE: [409, 'stale'],
  FLEET_DISPATCHER_FINISHED: [410, 'finished'],
  FLEET_DISPATCHER_UNAVAILABLE: [503, 'unavailable'],
  FLEET_DISPATCHER_PAUSED: [503, 'paused'],
  FLEET_DISPATCHER_DRAINING: [503, 'draining'],
}

export function wantsText(request: FastifyRequest): boolean {
  return request.raw.headers.accept?.startsWith('text/plain') ?? false
}

export function sendJson(reply: FastifyReply, json: string): FastifyReply {
  return reply.header('content-type', JSON_TYPE).send(json)
}

export function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('content-type', TEXT_TYPE).send(text)
}

/** The answer to a lease. */
export function sendLease(request: FastifyRequest, reply: FastifyReply, lease: Lease): FastifyReply {
  return wantsText(request) ? sendText(reply, leaseToText(lease)) : sendJson(reply, `{"lease":${leaseToJson(lease)}}`)
}

/** The answer to a settlement that was accepted; in text the next lease alone, or nothing. */
export function sendSettled(
  request: FastifyRequest,
  reply: FastifyReply,
  lease: Lease | undefined,
  isFinished: boolean,
): FastifyReply {
  if (wantsText(request)) return sendText(reply, lease === undefined ? '' : leaseToText(lease))
  if (lease !== undefined) return sendJson(reply, `{"lease":${leaseToJson(lease)}}`)
  return sendJson(reply, isFinished ? '{"finished":true}' : '{}')
}

/** `retryAfterS`: for the answers that are worth repeating. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
  retryAfterS: number,
): FastifyReply {
  const error = toFleetError(thrown)
  const [status, code] = STATUS[error.code] ?? fastifyStatus(thrown)
  reply.code(status)
  if (status === 503) reply.header('retry-after', String(retryAfterS))
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  // What is left of a body that was not read would be taken for the next request.
  if (!request.raw.complete) reply.header('connection', 'close')
  return wantsText(request) ? sendText(reply, errorText(code, error)) : sendJson(reply, errorJson(code, error))
}

export function draining(): FleetError {
  return new FleetError('FLEET_DISPATCHER_DRAINING', 'this dispatcher is stopping', {
    remedy: 'Ask again after Retry-After; what was acknowledged is stored.',
    retryable: true,
  })
}

function errorText(code: string, error: FleetError): string {
  return `${code}: ${error.message.replaceAll(/\s+/g, ' ')}\n`
}

function errorJson(code: string, error: FleetError): string {
  return JSON.stringify({
    error: { code, message: error.message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) },
  })
}

/** Fastify's own refusals (FST_ERR_*) carry a statusCode: a body that is too large, a content type nobody reads, a broken URL. */
function fastifyStatus(thrown: unknown): readonly [number, string] {
  const status = typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown ? thrown.statusCode : undefined
  if (status === 413) return [413, 'too_large']
  if (typeof status === 'number' && status >= 400 && status < 500) return [400, 'bad_request']
  return [500, 'internal']
}
