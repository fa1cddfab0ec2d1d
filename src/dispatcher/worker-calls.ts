// The five calls of a worker: lease, renew, complete, fail, release. This is the hot path: one decode, one or two questions to the
// ledger, one string.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FleetError, type Fence, type Id } from '../core/index.ts'
import {
  completeRequest,
  decodeRequest,
  failRequest,
  leaseRequest,
  releaseRequest,
  renewRequest,
  type CompleteRequest,
  type FailRequest,
  type LeaseRequest,
  type ReleaseRequest,
} from '../protocol/index.ts'
import type { Settlement } from '../ledger/index.ts'
import { requireSlot, type Caller } from './access.ts'
import type { Desk } from './desk.ts'
import { draining, sendJson, sendLease, sendSettled, sendText, wantsText } from './http-answers.ts'
import { slotInHistory } from './lease-book.ts'
import { bodyOf, callerOf } from './request-context.ts'

export function addWorkerCalls(app: FastifyInstance, desk: Desk): void {
  app.post('/v1/lease', async (request, reply) => {
    const body = decodeRequest(leaseRequest, bodyOf(request))
    requireSlot(callerOf(request), body.slot)
    const answer = await desk.leases.ask(body, body.wait_ms ?? 0, reply.raw)
    switch (answer.kind) {
      case 'leased':
        return sendLease(request, reply, answer.lease)
      case 'empty':
        return reply.code(204).send()
      case 'finished':
        throw new FleetError('FLEET_DISPATCHER_FINISHED', 'every ID is done or parked', {
          remedy: 'Stop this worker; there is nothing left to do.',
        })
      case 'paused':
        throw new FleetError('FLEET_DISPATCHER_PAUSED', 'an operator paused this dispatcher', {
          remedy: 'Ask again after Retry-After. The operator: fleet dispatcher resume.',
          retryable: true,
        })
      case 'draining':
        throw draining()
      default:
        return answer satisfies never
    }
  })

  app.post('/v1/renew', async (request, reply) => {
    const { id, fence } = decodeRequest(renewRequest, bodyOf(request))
    await requireLease(desk, callerOf(request), id, fence)
    const answer = await desk.ledger.renew(id, fence, desk.leaseMs)
    if (answer.kind === 'stale') throw stale(desk, id, fence)
    desk.tally.renewals += 1
    const ttlMs = Math.floor(answer.ttlMs)
    return wantsText(request) ? sendText(reply, `${ttlMs}\n`) : sendJson(reply, `{"expires_in_ms":${ttlMs}}`)
  })

  app.post('/v1/complete', (request, reply) => {
    const body = decodeRequest(completeRequest, bodyOf(request))
    return settle(desk, request, reply, body.next, completion(body))
  })

  app.post('/v1/fail', (request, reply) => {
    const body = decodeRequest(failRequest, bodyOf(request))
    return settle(desk, request, reply, body.next, failure(body))
  })

  app.post('/v1/release', (request, reply) => {
    const body = decodeRequest(releaseRequest, bodyOf(request))
    return settle(desk, request, reply, body.next, handBack(body))
  })
}

function completion({ id, fence, result }: CompleteRequest): Settlement {
  return result === undefined ? { kind: 'complete', id, fence } : { kind: 'complete', id, fence, result }
}

function failure({ id, fence, error, permanent }: FailRequest): Settlement {
  return { kind: 'fail', id, fence, errorClass: error.class, message: error.message, permanent: permanent ?? false }
}

function handBack({ id, fence, delay_ms }: ReleaseRequest): Settlement {
  return { kind: 'release', id, fence, delayMs: delay_ms ?? 0 }
}

/** Ends a lease, and only when that is durable asks for the next one: a worker whose lease was lost is told so and gets nothing. */
async function settle(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  next: LeaseRequest | undefined,
  settlement: Settlement,
): Promise<FastifyReply> {
  const caller = callerOf(request)
  if (next !== undefined) requireSlot(caller, next.slot)
  await requireLease(desk, caller, settlement.id, settlement.fence)
  const answer = await desk.ledger.settle(settlement)
  if (answer.kind === 'stale') throw stale(desk, settlement.id, settlement.fence)
  if (!answer.replayed) count(desk, settlement)
  // The ID may be free again, or the last one may be done: somebody who waits wants to know.
  void desk.leases.wake(1)
  if (next === undefined) return sendSettled(request, reply, undefined, false)
  const reached = await leaseAfter(desk, next, reply)
  return sendSettled(request, reply, reached.kind === 'leased' ? reached.lease : undefined, reached.kind === 'finished')
}

/** The settlement has been stored, so nothing that goes wrong now may make its answer an error: the worker asks again with a call of its own. */
async function leaseAfter(desk: Desk, next: LeaseRequest, reply: FastifyReply): ReturnType<Desk['leases']['ask']> {
  try {
    return await desk.leases.ask(next, next.wait_ms ?? 0, reply.raw)
  } catch {
    return { kind: 'empty' }
  }
}

function count(desk: Desk, settlement: Settlement): void {
  const { tally } = desk
  if (settlement.kind === 'complete') {
    tally.completed += 1
    tally.noteDone(desk.book.slotOf(settlement.fence))
  } else if (settlement.kind === 'fail') tally.failed += 1
  else tally.released += 1
}

/** A node's token reaches only leases of that node. A lease that never was is left to the ledger, which calls it stale. */
async function requireLease(desk: Desk, caller: Caller, id: Id, fence: Fence): Promise<void> {
  if (caller.node === undefined) return
  const slot = desk.book.slotOf(fence) ?? (await slotInHistory(desk.ledger, id, fence))
  if (slot !== undefined) requireSlot(caller, slot)
}

function stale(desk: Desk, id: Id, fence: Fence): FleetError {
  desk.tally.stale += 1
  return new FleetError(
    'FLEET_DISPATCHER_STALE',
    `fence ${fence} is not the valid one for ${JSON.stringify(id)}, or it was settled in another way`,
    {
      remedy: 'Stop work on this ID, use nothing of it, and ask for the next lease.',
    },
  )
}
