// What can go wrong between a client and a dispatcher, as FleetErrors.
import { FleetError, messageOf, type FleetErrorCode } from '../core/index.ts'
import { errorAnswer } from './answers.ts'

const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/
/** Worth trying again without anybody changing anything. */
const RETRYABLE_STATUS = new Set([429, 500, 502, 503, 504])

/** An answer that is an error, under the code that the dispatcher gave it. */
export function answeredError({ status, text }: { readonly status: number; readonly text: string }): FleetError {
  const parsed = errorAnswer.safeParse(parseOrUndefined(text))
  const retryable = RETRYABLE_STATUS.has(status)
  if (!parsed.success || !/^[a-z][a-z_]{0,40}$/.test(parsed.data.error.code)) {
    const found = text === '' ? 'an empty body' : JSON.stringify(text.slice(0, 200))
    return new FleetError(
      'FLEET_PROTOCOL_BAD_ANSWER',
      `expected an answer of protocol v1, got status ${status} with ${found}`,
      {
        remedy: 'Check that the URL is the one of a fleet dispatcher, without a proxy that answers for it.',
        retryable,
      },
    )
  }
  const { code, message, remedy } = parsed.data.error
  return new FleetError(`FLEET_PROTOCOL_${code.toUpperCase()}`, message, {
    retryable,
    ...(remedy === undefined ? {} : { remedy }),
  })
}

export function badAnswer(message: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_PROTOCOL_BAD_ANSWER', message, {
    remedy: 'Check that the dispatcher has the same version as this program.',
    cause,
  })
}

/** No answer came, or not all of it. What the call asked for may have been done. */
export function wireError(thrown: unknown, origin: string): FleetError {
  if (thrown instanceof FleetError) return thrown
  const code = codeOf(thrown)
  if (code === 'ABORT_ERR' || code === 'UND_ERR_ABORTED' || (thrown instanceof Error && thrown.name === 'AbortError')) {
    return wireFailure('FLEET_PROTOCOL_ABORTED', 'the call was aborted', undefined, false, thrown)
  }
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') {
    return wireFailure('FLEET_PROTOCOL_CLOSED', 'this client has been closed', undefined, false, thrown)
  }
  if (code !== undefined && UNTRUSTED.test(code)) {
    return wireFailure(
      'FLEET_PROTOCOL_UNTRUSTED',
      `the certificate of ${origin} is not the one that is trusted: ${messageOf(thrown)}`,
      'Check the URL and the certificate file of the job.',
      false,
      thrown,
    )
  }
  return wireFailure(
    'FLEET_PROTOCOL_UNREACHABLE',
    `expected an answer from the dispatcher at ${origin}, ${messageOf(thrown)}`,
    'Run: fleet dispatcher status',
    true,
    thrown,
  )
}

function wireFailure(
  code: FleetErrorCode,
  message: string,
  remedy: string | undefined,
  retryable: boolean,
  cause: unknown,
): FleetError {
  return new FleetError(code, message, { retryable, cause, ...(remedy === undefined ? {} : { remedy }) })
}

function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
