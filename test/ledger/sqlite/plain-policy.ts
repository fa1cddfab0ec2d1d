// A policy for programs that run without the test framework: come back at once, park after many failures or crashes.
import type { RetryPolicy } from '../../../src/ledger/index.ts'

export const policy: RetryPolicy = {
  afterFailure: (failures) => (failures >= 3 ? { kind: 'park' } : { kind: 'retry', delayMs: 0 }),
  afterCrash: (crashes) => (crashes >= 4 ? { kind: 'park' } : { kind: 'retry', delayMs: 0 }),
}
