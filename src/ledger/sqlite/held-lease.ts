// A lease that is out now, with what its ID had before it: read the same way by every verb that ends or extends one.
import { parseFence, parseFullSlotName, parseId, type Fence, type FullSlotName, type Id } from '../../core/index.ts'
import { integer, text, type Row } from './row.ts'

export interface HeldLease {
  readonly id: Id
  readonly seq: number
  readonly fence: Fence
  /** The fence of the ID's lease before this one, 0 when there was none. */
  readonly previous: number
  readonly slot: FullSlotName
  readonly instance: string
  readonly startedMs: number
  /** Of the ID, this lease included. */
  readonly attempts: number
  readonly failures: number
  readonly crashes: number
}

/** To be followed by a condition on `lease`. */
export const SELECT_HELD = `
  SELECT item.id, lease.seq, lease.fence, lease.previous, lease.slot, lease.instance, lease.started_ms, item.attempts, item.failures, item.crashes
  FROM lease JOIN item ON item.seq = lease.seq`

export function heldLease(row: Row): HeldLease {
  return {
    id: parseId(text(row, 'id')),
    seq: integer(row, 'seq'),
    fence: parseFence(integer(row, 'fence')),
    previous: integer(row, 'previous'),
    slot: parseFullSlotName(text(row, 'slot')),
    instance: text(row, 'instance'),
    startedMs: integer(row, 'started_ms'),
    attempts: integer(row, 'attempts'),
    failures: integer(row, 'failures'),
    crashes: integer(row, 'crashes'),
  }
}
