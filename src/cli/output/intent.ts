// What is about to be done, said before the first node is changed.
import type { FleetNode } from '../../fleet/index.ts'
import type { RollOutChoice } from '../roll-out-options.ts'

/** At most so many sizes of batches are told. */
const TOLD = 8

/** `in batches of 1, 5, 44; slots are restarted; health is checked; at most 0 nodes may fail`; empty when there is nothing to say. */
export function intentOf(nodes: readonly FleetNode[], choice: RollOutChoice, hasCheck: boolean): string {
  const sizes = choice.batchesOf(nodes).map(({ length }) => String(length))
  const told = sizes.length > TOLD ? [...sizes.slice(0, TOLD), '...'] : sizes
  const parts = [
    ...(sizes.length > 1 ? [`in batches of ${told.join(', ')}`] : []),
    ...(choice.restart ? ['slots are drained and restarted'] : []),
    ...(hasCheck ? ['health is checked'] : []),
    ...(choice.autoRollback ? ['a batch that is not well is switched back'] : []),
    ...(Number.isFinite(choice.maxFail) ? [`at most ${choice.maxFail} may fail`] : []),
  ]
  return parts.join('; ')
}
