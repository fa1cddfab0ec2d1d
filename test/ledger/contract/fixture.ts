// What a contract suite needs of an implementation: a ledger of its own, a clock that can be moved, and a way to open it again.
import { expect } from 'vitest'
import {
  parseFence,
  parseFullSlotName,
  parseId,
  parseInstanceName,
  type Fence,
  type Id,
} from '../../../src/core/index.ts'
import type { Lease, LeaseAnswer, Ledger, RetryPolicy, Seat, Settlement } from '../../../src/ledger/index.ts'

export interface LedgerFixture extends AsyncDisposable {
  /** The ledger as it is open now; another one after `reopen`. */
  readonly ledger: Ledger
  /** Lets time pass for the ledger. */
  advance(durationMs: number): Promise<void>
  /** Closes the ledger and opens it again, as a restarted dispatcher would. */
  reopen(): Promise<void>
}

/** Opens a new, empty ledger. */
export type OpenFixture = (policy: RetryPolicy) => Promise<LedgerFixture>

export const TTL_MS = 60_000
export const RETRY_MS = 1000

/** Three failures or two crashes park an ID; until then it comes back after a second for each. */
export const policy: RetryPolicy = {
  afterFailure: (failures) => (failures >= 3 ? { kind: 'park' } : { kind: 'retry', delayMs: RETRY_MS * failures }),
  afterCrash: (crashes) => (crashes >= 2 ? { kind: 'park' } : { kind: 'retry', delayMs: RETRY_MS * crashes }),
}

export function id(name: string): Id {
  return parseId(name)
}

export function ids(...names: readonly string[]): readonly { readonly id: Id }[] {
  return names.map((name) => ({ id: id(name) }))
}

export function seat(slot: string, instance = 'first'): Seat {
  return { slot: parseFullSlotName(slot), instance: parseInstanceName(instance) }
}

export function fence(value: number): Fence {
  return parseFence(value)
}

export function granted(answer: LeaseAnswer): Lease {
  if (answer.kind !== 'leased') return expect.fail(`expected a lease, got ${JSON.stringify(answer)}`)
  return answer.lease
}

export async function take(ledger: Ledger, slot = 'node01/p01', instance = 'first'): Promise<Lease> {
  return granted(await ledger.lease(seat(slot, instance), TTL_MS))
}

type Held = Pick<Lease, 'id' | 'fence'>

export function completed({ id, fence }: Held, result?: string): Settlement {
  return { kind: 'complete', id, fence, ...(result === undefined ? {} : { result }) }
}

export function failed({ id, fence }: Held, permanent = false): Settlement {
  return { kind: 'fail', id, fence, errorClass: 'exit-1', message: 'no such user', permanent }
}

export function released({ id, fence }: Held, delayMs = 0): Settlement {
  return { kind: 'release', id, fence, delayMs }
}

/** For a field of an error that must mention `text`. */
export function mention(text: string): unknown {
  return expect.stringContaining(text)
}

/** Every promise that can be checked without knowing what happened: the recount agrees, and nothing is lost. */
export async function expectSound(ledger: Ledger): Promise<void> {
  expect(await ledger.verify()).toEqual([])
  const { imported, pending, leased, done, parked } = (await ledger.status()).ids
  expect(pending + leased + done + parked).toBe(imported)
}
