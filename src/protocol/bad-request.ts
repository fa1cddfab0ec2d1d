// A request that breaks the rules of the protocol. The message starts with the name of the field that is wrong.
import { FleetError } from '../core/index.ts'

export function badRequest(message: string): FleetError {
  return new FleetError('FLEET_PROTOCOL_BAD_REQUEST', message, {
    remedy: 'Correct the request; sending it again unchanged cannot succeed.',
  })
}
