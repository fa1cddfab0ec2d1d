// Waiting that can be given up: for a moment, or for somebody else's promise.
import { setTimeout as sleep } from 'node:timers/promises'
import { abortedError } from './ssh-error.ts'

/** Milliseconds. Throws FLEET_SSH_ABORTED when `signal` fires first. */
export async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal })
  } catch {
    throw abortedError(signal)
  }
}

/** `promise`, or FLEET_SSH_ABORTED when `signal` fires first; `onLate` then gets what comes after all. */
export function orAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
  onLate: (value: Value) => void = () => undefined,
): Promise<Value> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    let isGivenUp = false
    const onAbort = (): void => {
      isGivenUp = true
      reject(abortedError(signal))
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(
      (value) => {
        signal.removeEventListener('abort', onAbort)
        if (isGivenUp) onLate(value)
        else resolve(value)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort)
        reject(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
}
