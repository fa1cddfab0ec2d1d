// Which slot holds which fence, as far as this process granted it. It attributes what is done to a node, and it keeps a node's
// token from settling another node's lease. At most one entry per slot; the ledger knows the rest.
import type { Fence, FullSlotName, Id } from '../core/index.ts'
import type { GuardedLedger } from './guarded-ledger.ts'

export interface LeaseBook {
  note(fence: Fence, slot: FullSlotName): void
  /** Undefined: not granted by this process, or the slot has had another lease since. */
  slotOf(fence: Fence): FullSlotName | undefined
}

export function createLeaseBook(): LeaseBook {
  const slots = new Map<Fence, FullSlotName>()
  const fences = new Map<FullSlotName, Fence>()
  return {
    note(fence, slot) {
      const before = fences.get(slot)
      if (before === fence) return
      if (before !== undefined) slots.delete(before)
      fences.set(slot, fence)
      slots.set(fence, slot)
    },
    slotOf: (fence) => slots.get(fence),
  }
}

/** The slot that `fence` was granted to, from the ID's history. Undefined: there was no such lease. */
export async function slotInHistory(ledger: GuardedLedger, id: Id, fence: Fence): Promise<FullSlotName | undefined> {
  return (await ledger.show(id))?.attempts.find((attempt) => attempt.fence === fence)?.slot
}
