// How the job goes: GET /v1/status for people and programs, GET /metrics for Prometheus, GET /healthz for whoever restarts things.
import type { FastifyInstance } from 'fastify'
import type { LedgerStatus } from '../ledger/index.ts'
import type { Desk } from './desk.ts'
import { sendJson } from './http-answers.ts'
import { metricsText } from './metrics.ts'

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function addStatusCalls(app: FastifyInstance, desk: Desk): void {
  app.get('/v1/status', async (_request, reply) =>
    sendJson(reply, JSON.stringify(statusFields(desk, await desk.ledger.status()))),
  )
  app.get('/metrics', async (_request, reply) => {
    const text = metricsText(desk, await desk.ledger.status())
    return reply.header('content-type', METRICS_TYPE).send(text)
  })
}

/** Answers without a token, and says nothing but yes or no. */
export function addHealthCall(app: FastifyInstance, desk: Desk): void {
  app.get('/healthz', async (_request, reply) => {
    const isHealthy = await desk.ledger.canWrite()
    return sendJson(reply.code(isHealthy ? 200 : 503), isHealthy ? '{"ok":true}' : '{"ok":false}')
  })
}

function statusFields(desk: Desk, status: LedgerStatus): Record<string, unknown> {
  const rate = desk.tally.done.perMinute()
  const { imported, pending, leased, done, parked } = status.ids
  return {
    schema: 'fleet.dispatcher/1',
    job: desk.job,
    state: stateOf(desk, status),
    ids: { imported, pending, leased, done, parked },
    rate,
    eta: etaSeconds(pending + leased, rate),
    stale_calls: status.staleCalls,
    nodes: status.nodes.map(({ node, leased, done, failures, crashes }) => ({
      node,
      leased,
      done,
      failures,
      crashes,
      rate_per_min: desk.tally.ratePerMinute(node),
    })),
    uptime_ms: Math.round(desk.clock.monotonicMs() - desk.startedMs),
    version: desk.version,
  }
}

function stateOf(desk: Desk, { ids, paused }: LedgerStatus): 'running' | 'paused' | 'draining' | 'finished' {
  if (desk.isDraining) return 'draining'
  if (ids.imported > 0 && ids.pending + ids.leased === 0) return 'finished'
  return paused ? 'paused' : 'running'
}

function etaSeconds(left: number, ratePerMinute: number): number | null {
  if (left === 0) return 0
  return ratePerMinute === 0 ? null : Math.ceil((left * 60) / ratePerMinute)
}
