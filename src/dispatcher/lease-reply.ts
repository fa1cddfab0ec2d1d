// What a worker that asks for a lease is told.
import type { Lease } from '../ledger/index.ts'

export type LeaseReply =
  | { readonly kind: 'leased'; readonly lease: Lease }
  /** Nothing within the time that it wanted to wait. */
  | { readonly kind: 'empty' }
  /** IDs were imported and each is done or parked. */
  | { readonly kind: 'finished' }
  | { readonly kind: 'paused' }
  /** This dispatcher is stopping. */
  | { readonly kind: 'draining' }
