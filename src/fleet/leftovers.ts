// An uninstall that left something behind has failed, and still tells what it did.
import { FleetError } from '../core/index.ts'
import type { UninstallValue } from './uninstall.ts'

export class LeftoversError extends FleetError {
  readonly value: UninstallValue

  constructor(value: UninstallValue) {
    const left = value.left.map(({ what, why }) => `${what} (${why})`).join(', ')
    super('FLEET_NODE_LEFTOVERS', `not everything could be removed; left there: ${left}`, {
      remedy: 'mend what the reason names, then run fleet uninstall again',
    })
    this.value = value
  }
}

/** Throws LeftoversError, code FLEET_NODE_LEFTOVERS. */
export function insistOnNothingLeft(value: UninstallValue): UninstallValue {
  if (value.left.length > 0) throw new LeftoversError(value)
  return value
}
