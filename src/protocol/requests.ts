// The requests of protocol v1, as schemas. They describe a decoded body: both encodings (JSON and form) lead to the same
// object, in which a result is JSON text. Names on the wire are snake_case; unknown names are refused, so that a typing
// error in `wait_ms` does not silently mean "do not wait".
import { z } from 'zod'
import { messageOf, parseFence, parseFullSlotName, parseId, parseInstanceName } from '../core/index.ts'
import { cutToBytes } from './cut-text.ts'
import { isJson } from './json-text.ts'
import {
  MAX_DELAY_MS,
  MAX_ERROR_CLASS_BYTES,
  MAX_ERROR_MESSAGE_BYTES,
  MAX_JSON_TEXT_BYTES,
  MAX_RETRY_IDS,
  MAX_WAIT_MS,
} from './limits.ts'

const id = z.string().transform(made(parseId))
const fence = z.number().transform(made(parseFence))
const waitMs = z.int().min(0).max(MAX_WAIT_MS)
const seat = {
  slot: z.string().transform(made(parseFullSlotName)),
  instance: z.string().transform(made(parseInstanceName)),
  wait_ms: waitMs.optional(),
}
const next = z.strictObject(seat).optional()
// One word for a metric or a table: it has no spaces and no control characters.
const errorClass = z
  .string()
  .regex(
    new RegExp(`^[\\x21-\\x7e]{1,${MAX_ERROR_CLASS_BYTES}}$`),
    `expected 1 to ${MAX_ERROR_CLASS_BYTES} visible ASCII characters without spaces`,
  )
const errorMessage = z.string().transform((text) => cutToBytes(text, MAX_ERROR_MESSAGE_BYTES))
const result = z
  .string()
  .refine(
    (text) => Buffer.byteLength(text) <= MAX_JSON_TEXT_BYTES,
    `expected at most ${MAX_JSON_TEXT_BYTES} bytes of JSON text`,
  )
  .refine(isJson, 'expected JSON text')

export const leaseRequest = z.strictObject(seat)
export const renewRequest = z.strictObject({ id, fence })
export const completeRequest = z.strictObject({ id, fence, result: result.optional(), next })
export const failRequest = z.strictObject({
  id,
  fence,
  error: z.strictObject({ class: errorClass, message: errorMessage }),
  permanent: z.boolean().optional(),
  next,
})
export const releaseRequest = z.strictObject({ id, fence, delay_ms: z.int().min(0).max(MAX_DELAY_MS).optional(), next })
/** Without `ids`: every parked ID. */
export const retryRequest = z.strictObject({ ids: z.array(id).max(MAX_RETRY_IDS).optional() })

export type LeaseRequest = z.infer<typeof leaseRequest>
export type RenewRequest = z.infer<typeof renewRequest>
export type CompleteRequest = z.infer<typeof completeRequest>
export type FailRequest = z.infer<typeof failRequest>
export type ReleaseRequest = z.infer<typeof releaseRequest>
export type RetryRequest = z.infer<typeof retryRequest>

/** A parse function of core as a schema step: what it refuses becomes an issue that carries its message. */
function made<In, Out>(parse: (value: In) => Out): (value: In, context: z.RefinementCtx<In>) => Out {
  return (value, context) => {
    try {
      return parse(value)
    } catch (thrown) {
      context.addIssue({ code: 'custom', message: messageOf(thrown) })
      return z.NEVER
    }
  }
}
