// The answers of protocol v1, as schemas that a client checks them with. They are loose: a newer dispatcher may say more.
import { z } from 'zod'

const count = z.int().min(0)

const idCounts = z.looseObject({ imported: count, pending: count, leased: count, done: count, parked: count })
const idState = z.enum(['pending', 'leased', 'done', 'parked'])

export const errorAnswer = z.looseObject({
  error: z.looseObject({ code: z.string(), message: z.string(), remedy: z.string().optional() }),
})
export const renewAnswer = z.looseObject({ expires_in_ms: z.number() })
export const settleAnswer = z.looseObject({ finished: z.boolean().optional() })

export const statusAnswer = z.looseObject({
  schema: z.literal('fleet.dispatcher/1'),
  job: z.string(),
  /** `draining`: the dispatcher is stopping and hands out nothing new. */
  state: z.enum(['running', 'paused', 'draining', 'finished']),
  ids: idCounts,
  /** IDs done per minute, over the last minute. */
  rate: z.number(),
  /** Seconds until everything is done at that rate; null while nothing is being done. */
  eta: z.number().nullable(),
  stale_calls: count,
  nodes: z.array(
    z.looseObject({
      node: z.string(),
      leased: count,
      done: count,
      failures: count,
      crashes: count,
      rate_per_min: z.number(),
    }),
  ),
  uptime_ms: z.number(),
  version: z.string(),
})

export const importAnswer = z.looseObject({
  added: count,
  duplicates: count,
  rejected: z.array(z.looseObject({ line: count, reason: z.string() })),
  rejected_count: count,
})

export const idAnswer = z.looseObject({
  id: z.string(),
  state: idState,
  fence: count,
  failures: count,
  crashes: count,
  attempts: z.array(
    z.looseObject({
      fence: count,
      slot: z.string(),
      /** ISO 8601 in UTC, by the dispatcher's clock. */
      started: z.string(),
      ended: z.string().optional(),
      outcome: z.enum(['completed', 'failed', 'released', 'crashed', 'expired']).optional(),
      class: z.string().optional(),
      message: z.string().optional(),
      stale_calls: count.optional(),
    }),
  ),
  payload: z.unknown().optional(),
  result: z.unknown().optional(),
})

export const listAnswer = z.looseObject({
  ids: z.array(z.looseObject({ id: z.string(), state: idState, fence: count, failures: count, crashes: count })),
  /** The `after` of the next page; absent on the last one. */
  next: z.string().optional(),
})
export const retryAnswer = z.looseObject({ retried: count })
export const pauseAnswer = z.looseObject({ paused: z.boolean() })

export type DispatcherStatus = z.infer<typeof statusAnswer>
export type ImportReport = z.infer<typeof importAnswer>
export type IdReport = z.infer<typeof idAnswer>
export type IdListItem = z.infer<typeof listAnswer>['ids'][number]
