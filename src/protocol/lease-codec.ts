// A lease on the wire: JSON, or for shells the line `id TAB fence TAB attempt TAB ttl_ms LF` followed by the payload if there is
// one. An ID has no control characters, so the tabs are unambiguous. Written by hand: every ID passes through here.
import { z } from 'zod'
import { FleetError, messageOf, parseFence, parseId, type Fence, type Id } from '../core/index.ts'
import { memberText } from './json-text.ts'

export interface WireLease {
  readonly id: Id
  readonly fence: Fence
  /** 1 for the first lease of this ID. */
  readonly attempt: number
  /** How long the lease is good for from when it was asked for, in milliseconds. */
  readonly ttlMs: number
  /** JSON text, exactly as imported. */
  readonly payload?: string
}

const leaseShape = z.looseObject({ id: z.string(), fence: z.int(), attempt: z.int(), ttl_ms: z.number() })

export function leaseToJson(lease: WireLease): string {
  const payload = lease.payload === undefined ? '' : `,"payload":${lease.payload}`
  return `{"id":${JSON.stringify(lease.id)},"fence":${lease.fence},"attempt":${lease.attempt},"ttl_ms":${Math.floor(lease.ttlMs)}${payload}}`
}

export function leaseToText(lease: WireLease): string {
  return `${lease.id}\t${lease.fence}\t${lease.attempt}\t${Math.floor(lease.ttlMs)}\n${lease.payload ?? ''}`
}

/** `json`: the text of one lease. Throws FLEET_PROTOCOL_BAD_ANSWER. */
export function leaseFromJson(json: string): WireLease {
  try {
    const shape = leaseShape.parse(JSON.parse(json))
    return build(shape.id, shape.fence, shape.attempt, shape.ttl_ms, memberText(json, 'payload'))
  } catch (cause) {
    throw badLease(cause)
  }
}

/** Throws FLEET_PROTOCOL_BAD_ANSWER. */
export function leaseFromText(text: string): WireLease {
  const lineEnd = text.indexOf('\n')
  const columns = text.slice(0, lineEnd).split('\t')
  const [id, fence, attempt, ttlMs] = columns
  try {
    if (lineEnd < 0 || columns.length !== 4 || id === undefined) throw new Error('not a line of four columns')
    const payload = text.slice(lineEnd + 1)
    return build(id, Number(fence), Number(attempt), Number(ttlMs), payload === '' ? undefined : payload)
  } catch (cause) {
    throw badLease(cause)
  }
}

function build(id: string, fence: number, attempt: number, ttlMs: number, payload: string | undefined): WireLease {
  const lease = { id: parseId(id), fence: parseFence(fence), attempt, ttlMs }
  return payload === undefined ? lease : { ...lease, payload }
}

function badLease(cause: unknown): FleetError {
  return new FleetError('FLEET_PROTOCOL_BAD_ANSWER', `expected a lease, ${messageOf(cause)}`, {
    remedy: 'Check that the URL is the one of a fleet dispatcher of the same version.',
    cause,
  })
}
