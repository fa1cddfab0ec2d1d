// From the bytes of a request body to a checked request. Whatever is wrong ends as FLEET_PROTOCOL_BAD_REQUEST, whose message
// starts with the name of the field.
import { isUtf8 } from 'node:buffer'
import type { z } from 'zod'
import { badRequest } from './bad-request.ts'
import { decodeForm } from './form-body.ts'
import { memberText } from './json-text.ts'

export interface RequestBody {
  readonly encoding: 'json' | 'form'
  readonly bytes: Buffer
}

/** The request in `body`, checked by `schema`. An empty body is an empty object. Throws FLEET_PROTOCOL_BAD_REQUEST. */
export function decodeRequest<Schema extends z.ZodType>(
  schema: Schema,
  body: RequestBody | undefined,
): z.infer<Schema> {
  const parsed = schema.safeParse(decodeBody(body))
  if (parsed.success) return parsed.data
  throw badRequest(describe(parsed.error.issues[0]))
}

function decodeBody(body: RequestBody | undefined): unknown {
  if (body === undefined || body.bytes.length === 0) return {}
  return body.encoding === 'json' ? decodeJson(body.bytes) : decodeForm(body.bytes)
}

function decodeJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw badRequest('body: expected UTF-8, found bytes that are not')
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw badRequest(`body: expected JSON, ${cause instanceof Error ? cause.message : 'found something else'}`)
  }
  // A result stays the text that the worker wrote; the schema sees it as a string, as it does in a form.
  if (typeof value === 'object' && value !== null && 'result' in value) value.result = memberText(text, 'result')
  return value
}

function describe(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'body: expected a request of protocol v1'
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') return `${[...path, issue.keys[0] ?? ''].join('.')}: unknown field`
  return `${path.length === 0 ? 'body' : path.join('.')}: ${issue.message.replace(/^Invalid input: /, '')}`
}
