// What travels with a request from the first hook to the call: who is calling, and the body that was read but not yet understood.
import type { FastifyRequest } from 'fastify'
import { badRequest, type RequestBody } from '../protocol/index.ts'
import { requireOperator, type Caller } from './access.ts'

const callers = new WeakMap<FastifyRequest, Caller>()

export function setCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request, caller)
}

/** Nobody is trusted by omission: without a caller the request is refused. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (caller === undefined) throw new Error('expected a request that has been identified')
  return caller
}

/** A hook for calls that only an operator may make. */
export function operatorOnly(request: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void {
  try {
    requireOperator(callerOf(request))
    done()
  } catch (thrown) {
    done(thrown instanceof Error ? thrown : new Error(String(thrown)))
  }
}

export function bodyOf(request: FastifyRequest): RequestBody | undefined {
  const { body } = request
  if (body === undefined || body === null) return undefined
  if (isRequestBody(body)) return body
  throw badRequest('content-type: expected application/json or application/x-www-form-urlencoded')
}

function isRequestBody(body: unknown): body is RequestBody {
  return typeof body === 'object' && body !== null && 'encoding' in body && 'bytes' in body
}
