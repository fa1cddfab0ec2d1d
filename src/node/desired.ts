// What a node is told to be: the one file by which the CLI steers supervisors. Keepers and supervisors read it, nobody
// else writes it. It has to be replaced by rename, never written in place: an empty one changes nothing, a torn one might.
import { FleetError, MAX_SLOTS } from '../core/index.ts'

export interface Desired {
  readonly state: 'up' | 'down'
  /** How slots that are not wanted any more end: `drain` finishes the ID in work, `now` gives it back. */
  readonly mode: 'drain' | 'now'
  /** 0 to 9999; slots above this number are not wanted. */
  readonly slots: number
  /** Another one with every start, so that slots which had finished or were misconfigured begin again. An integer from 0. */
  readonly generation: number
}

/** The content of `etc/desired`. Throws FLEET_NODE_BAD_SETTING. */
export function renderDesired(desired: Desired): string {
  const slots = integer('slots', desired.slots, MAX_SLOTS)
  const generation = integer('generation', desired.generation, Number.MAX_SAFE_INTEGER)
  return `state=${desired.state}\nmode=${desired.mode}\nslots=${slots}\ngeneration=${generation}\n`
}

function integer(name: string, value: number, max: number): string {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return String(value)
  throw new FleetError('FLEET_NODE_BAD_SETTING', `expected ${name} to be an integer from 0 to ${max}, got ${value}`)
}
