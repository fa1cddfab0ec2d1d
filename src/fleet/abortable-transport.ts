// A transport that dials no longer than somebody waits for it: nodes that do not answer would keep an interrupted command for a minute.
import type { Transport } from '../ssh/index.ts'

/** Connects with `signal` unless it is given another one. Commands on its connections are not ended by it. */
export function abortable(inner: Transport, signal: AbortSignal): Transport {
  return {
    connect: (target, options = {}) => inner.connect(target, { signal, ...options }),
    close: () => inner.close(),
  }
}
