// The ledger as a few maps in memory, written as plainly as possible: what the real one is compared with. Fences are counted from 1.
import type { IdState, Outcome, RetryPolicy } from '../../../src/ledger/index.ts'

export interface ModelItem {
  readonly id: string
  readonly seq: number
  state: IdState
  fence: number
  failures: number
  crashes: number
  dueMs: number
  readonly attempts: ModelAttempt[]
}

export interface ModelAttempt {
  readonly id: string
  readonly fence: number
  readonly slot: string
  readonly instance: string
  outcome: Outcome | undefined
  staleCalls: number
  ttlMs: number
  expiresMs: number
}

export type ModelAnswer = Readonly<Record<string, unknown>> | number | undefined

/** Answers as the ledger does, at once. A fence is named by the attempt that had it. */
export interface Model {
  readonly items: ReadonlyMap<string, ModelItem>
  readonly attempts: readonly ModelAttempt[]
  readonly totals: { staleCalls: number; paused: boolean; nowMs: number }
  import(ids: readonly string[]): ModelAnswer
  lease(slot: string, instance: string, ttlMs: number): ModelAnswer
  renew(id: string, attempt: ModelAttempt, ttlMs: number): ModelAnswer
  settle(id: string, attempt: ModelAttempt, outcome: Outcome, options: ModelSettlement): ModelAnswer
  expire(): ModelAnswer
  retry(ids: readonly string[] | undefined): ModelAnswer
  reopened(): void
  status(): ModelAnswer
}

interface ModelSettlement {
  readonly permanent?: boolean
  readonly delayMs?: number
}

export function createModel(policy: RetryPolicy): Model {
  const items = new Map<string, ModelItem>()
  const attempts: ModelAttempt[] = []
  const totals = { staleCalls: 0, paused: false, nowMs: 0 }

  const inState = (state: IdState) => [...items.values()].filter((item) => item.state === state)
  const isOpen = (attempt: ModelAttempt) => attempt.outcome === undefined

  function itemOf(attempt: ModelAttempt): ModelItem {
    const item = items.get(attempt.id)
    if (item === undefined) throw new Error(`the model lost ${attempt.id}`)
    return item
  }

  function extend(attempt: ModelAttempt, ttlMs: number): void {
    attempt.ttlMs = ttlMs
    attempt.expiresMs = totals.nowMs + ttlMs
  }

  function end(attempt: ModelAttempt, outcome: Outcome, options: ModelSettlement = {}): void {
    const item = itemOf(attempt)
    attempt.outcome = outcome
    item.state = 'pending'
    item.dueMs = totals.nowMs + (options.delayMs ?? 0)
    if (outcome === 'completed') item.state = 'done'
    if (outcome === 'completed' || outcome === 'released') return
    if (outcome === 'failed') item.failures += 1
    else item.crashes += 1
    const verdict = outcome === 'failed' ? policy.afterFailure(item.failures, 0) : policy.afterCrash(item.crashes, 0)
    if (options.permanent === true || verdict.kind === 'park') item.state = 'parked'
    else item.dueMs = totals.nowMs + verdict.delayMs
  }

  function stale(attempt: ModelAttempt | undefined): ModelAnswer {
    totals.staleCalls += 1
    if (attempt !== undefined) attempt.staleCalls += 1
    return { kind: 'stale' }
  }

  function describe(attempt: ModelAttempt): ModelAnswer {
    return {
      kind: 'leased',
      id: attempt.id,
      fence: attempt.fence,
      attempt: itemOf(attempt).attempts.indexOf(attempt) + 1,
      ttlMs: attempt.ttlMs,
    }
  }

  return {
    items,
    attempts,
    totals,

    import(ids: readonly string[]): ModelAnswer {
      const fresh = new Set(ids.filter((id) => !items.has(id)))
      for (const id of fresh) {
        items.set(id, {
          id,
          seq: items.size,
          state: 'pending',
          fence: 0,
          failures: 0,
          crashes: 0,
          dueMs: 0,
          attempts: [],
        })
      }
      return { added: fresh.size, duplicates: ids.length - fresh.size }
    },

    lease(slot: string, instance: string, ttlMs: number): ModelAnswer {
      const held = attempts.find((attempt) => isOpen(attempt) && attempt.slot === slot)
      if (held?.instance === instance) {
        extend(held, ttlMs)
        return describe(held)
      }
      if (held !== undefined) end(held, 'crashed')
      if (totals.paused) return { kind: 'empty' }
      const pending = inState('pending')
      const tried = pending.filter((item) => item.fence > 0).sort((a, b) => a.dueMs - b.dueMs || a.seq - b.seq)
      const next = tried.find((item) => item.dueMs <= totals.nowMs) ?? pending.find((item) => item.fence === 0)
      if (next !== undefined) {
        const attempt: ModelAttempt = {
          ...{ id: next.id, fence: attempts.length + 1, slot, instance, outcome: undefined, staleCalls: 0 },
          ...{ ttlMs, expiresMs: totals.nowMs + ttlMs },
        }
        attempts.push(attempt)
        next.attempts.push(attempt)
        next.state = 'leased'
        next.fence = attempt.fence
        return describe(attempt)
      }
      if (items.size > 0 && pending.length + inState('leased').length === 0) return { kind: 'finished' }
      const [first] = tried
      return first === undefined ? { kind: 'empty' } : { kind: 'empty', nextDueMs: first.dueMs - totals.nowMs }
    },

    renew(id: string, attempt: ModelAttempt, ttlMs: number): ModelAnswer {
      if (attempt.id !== id) return stale(undefined)
      if (!isOpen(attempt)) return stale(attempt)
      extend(attempt, ttlMs)
      return { kind: 'renewed', ttlMs }
    },

    settle(id: string, attempt: ModelAttempt, outcome: Outcome, options: ModelSettlement): ModelAnswer {
      if (attempt.id !== id) return stale(undefined)
      if (!isOpen(attempt) && attempt.outcome !== outcome) return stale(attempt)
      const replayed = !isOpen(attempt)
      if (!replayed) end(attempt, outcome, options)
      return { kind: 'settled', state: itemOf(attempt).state, replayed }
    },

    expire(): ModelAnswer {
      const over = attempts.filter((attempt) => isOpen(attempt) && attempt.expiresMs <= totals.nowMs)
      for (const attempt of over) end(attempt, 'expired')
      return over.length
    },

    retry(ids: readonly string[] | undefined): ModelAnswer {
      const chosen = inState('parked').filter((item) => ids?.includes(item.id) ?? true)
      for (const item of chosen) Object.assign(item, { state: 'pending', failures: 0, crashes: 0, dueMs: totals.nowMs })
      return chosen.length
    },

    reopened(): void {
      for (const attempt of attempts.filter(isOpen)) extend(attempt, attempt.ttlMs)
    },

    status(): ModelAnswer {
      const nodes = [...new Set(attempts.map((attempt) => nodeOf(attempt)))].sort().map((node) => {
        const count = (...outcomes: readonly (Outcome | undefined)[]) =>
          attempts.filter((attempt) => nodeOf(attempt) === node && outcomes.includes(attempt.outcome)).length
        return {
          node,
          leased: count(undefined),
          done: count('completed'),
          failures: count('failed'),
          crashes: count('crashed', 'expired'),
        }
      })
      const [pending, leased, done, parked] = (['pending', 'leased', 'done', 'parked'] as const).map(
        (state) => inState(state).length,
      )
      return {
        ids: { imported: items.size, pending, leased, done, parked },
        nodes,
        staleCalls: totals.staleCalls,
        paused: totals.paused,
      }
    },
  }
}

function nodeOf(attempt: ModelAttempt): string {
  return attempt.slot.slice(0, attempt.slot.indexOf('/'))
}
