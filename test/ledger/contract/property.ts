// Contract: whatever happens, in whatever order and in whatever company, the ledger answers as the model does and keeps its promises.
// FLEET_PROPERTY_RUNS raises the number of random lives; a failure prints the seed and the path that repeat it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LeaseAnswer, Settlement } from '../../../src/ledger/index.ts'
import { expectSound, fence, id, ids, policy, seat, type LedgerFixture, type OpenFixture } from './fixture.ts'
import { createModel, type Model, type ModelAnswer, type ModelAttempt } from './model.ts'
import { bursts, type Step } from './steps.ts'

const RUNS = Number(process.env['FLEET_PROPERTY_RUNS'] ?? 300)

export function ledgerProperties(open: OpenFixture): void {
  test(`${RUNS} random lives of a ledger are as the model says`, { timeout: 60_000 + RUNS * 400 }, async () => {
    const property = fc.asyncProperty(bursts, async (life) => {
      await using fixture = await open(policy)
      const model = createModel(policy)
      const fences = new Map<number, number>()
      for (const { steps, thenAdvanceMs, thenReopen } of life) {
        await runBurst(fixture, model, fences, steps)
        expect(await fixture.ledger.status()).toEqual(model.status())
        model.totals.nowMs += thenAdvanceMs
        await fixture.advance(thenAdvanceMs)
        if (!thenReopen) continue
        await fixture.reopen()
        model.reopened()
      }
      await expectSound(fixture.ledger)
      await expectSameHistory(fixture, model, fences)
    })
    await fc.assert(property, { numRuns: RUNS })
  })
}

/** Makes all calls of a burst in one turn, and compares the answers with those that the model gives one after the other. */
async function runBurst(
  fixture: LedgerFixture,
  model: Model,
  fences: Map<number, number>,
  steps: readonly Step[],
): Promise<void> {
  const known = model.attempts.slice()
  const calls = steps.map((step) => {
    const chosen = 'pick' in step ? known[known.length - 1 - (step.pick % Math.max(1, known.length))] : undefined
    if ('pick' in step && chosen === undefined) return undefined
    return { answer: askLedger(fixture, step, chosen, fences), expected: askModel(model, step, chosen) }
  })
  for (const call of calls) {
    if (call === undefined) continue
    const answer = await call.answer
    expect(comparable(answer, call.expected, fences)).toEqual(call.expected)
  }
  const granted = model.attempts.map((attempt) => fences.get(attempt.fence) ?? Number.NaN)
  for (const [index, value] of granted.entries()) expect(value).toBeGreaterThan(granted[index - 1] ?? 0)
}

async function askLedger(
  { ledger }: LedgerFixture,
  step: Step,
  chosen: ModelAttempt | undefined,
  fences: Map<number, number>,
): Promise<unknown> {
  const target = {
    id: id(('id' in step ? step.id : undefined) ?? chosen?.id ?? 'none'),
    fence: fence(fences.get(chosen?.fence ?? 0) ?? 1),
  }
  switch (step.kind) {
    case 'import':
      return ledger.import(ids(...step.ids))
    case 'lease':
      return ledger.lease(seat(step.slot, step.instance), step.ttlMs)
    case 'renew':
      return ledger.renew(target.id, target.fence, step.ttlMs)
    case 'complete':
    case 'fail':
    case 'release':
      return ledger.settle(settlementOf(step, target))
    case 'expire':
      return ledger.expire()
    case 'retry':
      return ledger.retry(step.ids?.map(id))
    case 'pause':
      return ledger.setPaused(step.paused)
  }
}

function settlementOf(
  step: Extract<Step, { permanent: boolean }>,
  target: Pick<Settlement, 'id' | 'fence'>,
): Settlement {
  if (step.kind === 'complete') return { kind: 'complete', ...target }
  if (step.kind === 'release') return { kind: 'release', ...target, delayMs: step.delayMs }
  return { kind: 'fail', ...target, errorClass: 'exit-1', message: '', permanent: step.permanent }
}

function askModel(model: Model, step: Step, chosen: ModelAttempt | undefined): ModelAnswer {
  if (step.kind === 'import') return model.import(step.ids)
  if (step.kind === 'lease') return model.lease(step.slot, step.instance, step.ttlMs)
  if (step.kind === 'expire') return model.expire()
  if (step.kind === 'retry') return model.retry(step.ids)
  if (step.kind === 'pause') {
    model.totals.paused = step.paused
    return undefined
  }
  if (chosen === undefined) throw new Error('a step about a fence needs one')
  const target = step.id ?? chosen.id
  if (step.kind === 'renew') return model.renew(target, chosen, step.ttlMs)
  if (step.kind === 'complete') return model.settle(target, chosen, 'completed', {})
  if (step.kind === 'release') return model.settle(target, chosen, 'released', { delayMs: step.delayMs })
  return model.settle(target, chosen, 'failed', { permanent: step.permanent })
}

/** A ledger may number its fences as it likes, as long as they rise: each is learnt when it is granted, and translated afterwards. */
function comparable(answer: unknown, expected: ModelAnswer, fences: Map<number, number>): unknown {
  if (!isGrant(answer) || typeof expected !== 'object' || typeof expected['fence'] !== 'number') return answer
  const real = fences.get(expected['fence']) ?? answer.lease.fence
  fences.set(expected['fence'], real)
  return {
    kind: 'leased',
    ...answer.lease,
    fence: real === answer.lease.fence ? expected['fence'] : answer.lease.fence,
  }
}

function isGrant(answer: unknown): answer is Extract<LeaseAnswer, { kind: 'leased' }> {
  return typeof answer === 'object' && answer !== null && 'lease' in answer
}

async function expectSameHistory(
  { ledger }: LedgerFixture,
  model: Model,
  fences: ReadonlyMap<number, number>,
): Promise<void> {
  const records = await ledger.list({ limit: 100 })
  expect(records.map((record) => record.id)).toEqual([...model.items.keys()])
  for (const state of ['pending', 'leased', 'done', 'parked'] as const) {
    const listed = await ledger.list({ state, limit: 100 })
    expect(listed.map((record) => record.id)).toEqual(
      [...model.items.values()].filter((item) => item.state === state).map((item) => item.id),
    )
  }
  for (const item of model.items.values()) {
    const history = await ledger.show(id(item.id))
    expect(history).toMatchObject({
      state: item.state,
      fence: fences.get(item.fence) ?? 0,
      failures: item.failures,
      crashes: item.crashes,
    })
    expect(
      history?.attempts.map(({ fence, slot, outcome, staleCalls }) => ({ fence, slot, outcome, staleCalls })),
    ).toEqual(
      item.attempts.map(({ fence, slot, outcome, staleCalls }) => ({
        fence: fences.get(fence),
        slot,
        outcome,
        staleCalls,
      })),
    )
  }
}
