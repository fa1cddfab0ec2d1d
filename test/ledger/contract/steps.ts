// Random lives of a ledger, as values: what workers, dispatcher, operators, clocks and crashes may do to it.
import fc from 'fast-check'

export type Step =
  | { readonly kind: 'import'; readonly ids: readonly string[] }
  | { readonly kind: 'lease'; readonly slot: string; readonly instance: string; readonly ttlMs: number }
  /** `pick` chooses among the fences granted so far, the latest first; `id` takes the place of the fence's own ID. */
  | { readonly kind: 'renew'; readonly pick: number; readonly id: string | undefined; readonly ttlMs: number }
  | {
      readonly kind: 'complete' | 'fail' | 'release'
      readonly pick: number
      readonly id: string | undefined
      readonly permanent: boolean
      readonly delayMs: number
    }
  | { readonly kind: 'expire' }
  | { readonly kind: 'retry'; readonly ids: readonly string[] | undefined }
  | { readonly kind: 'pause'; readonly paused: boolean }

/** A burst is a number of calls made in one turn; between two bursts time may pass or the ledger be opened again. */
export interface Burst {
  readonly steps: readonly Step[]
  readonly thenAdvanceMs: number
  readonly thenReopen: boolean
}

const idName = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')
const idNames = fc.array(idName, { maxLength: 5 })
const ttlMs = fc.constantFrom(1, 1000, 60_000)
const wrongId = fc.option(idName, { nil: undefined, freq: 6 })
const pick = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, fc.nat(30))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('import' as const), ids: idNames }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('lease' as const),
      slot: fc.constantFrom('node01/p01', 'node01/p02', 'node02/p01'),
      instance: fc.oneof({ weight: 4, arbitrary: fc.constant('first') }, fc.constant('second')),
      ttlMs,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('renew' as const), pick, id: wrongId, ttlMs }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('complete' as const, 'fail' as const, 'release' as const),
      pick,
      id: wrongId,
      permanent: fc.boolean(),
      delayMs: fc.constantFrom(0, 500, 5000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('retry' as const), ids: fc.option(idNames, { nil: undefined }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), paused: fc.boolean() }) },
)

export const bursts: fc.Arbitrary<readonly Burst[]> = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    thenAdvanceMs: fc.constantFrom(0, 0, 1, 999, 1000, 60_000),
    thenReopen: fc.nat(9).map((number) => number === 0),
  }),
  { minLength: 1, maxLength: 25 },
)
