// One error type for the whole product. The first cause wins and is kept in `cause`; the outermost layer may wrap it to
// add where it happened. `retryable` is decided where the error is born, by whoever knows what happened.

export interface FleetErrorOptions {
  /** What the operator can do about it: one imperative sentence, a command where there is one. */
  readonly remedy?: string
  /** True when the same call may succeed later without anybody changing anything. Default false. */
  readonly retryable?: boolean
  readonly cause?: unknown
}

/** Codes are `FLEET_<ROOM>_<WHAT>`, stable across versions and listed in docs/errors.md. */
export type FleetErrorCode = `FLEET_${string}_${string}`

export class FleetError extends Error {
  readonly code: FleetErrorCode
  readonly remedy: string | undefined
  readonly retryable: boolean

  constructor(code: FleetErrorCode, message: string, options: FleetErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'FleetError'
    this.code = code
    this.remedy = options.remedy
    this.retryable = options.retryable ?? false
  }
}

/** Anything thrown, as a FleetError: unchanged if it is one, else wrapped as FLEET_CORE_UNEXPECTED with its cause kept. */
export function toFleetError(thrown: unknown): FleetError {
  if (thrown instanceof FleetError) return thrown
  return new FleetError('FLEET_CORE_UNEXPECTED', messageOf(thrown), { cause: thrown })
}

/** The message of anything thrown, never empty. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === '' ? thrown.name : thrown.message
  return String(thrown)
}
