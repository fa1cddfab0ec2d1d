// What is to be done with a batch once it was switched, from the command line and fleet.yml.
import { systemClock } from '../core/index.ts'
import type { AfterPlan, Progress } from '../fleet/index.ts'
import type { Context } from './context.ts'
import type { RollOutChoice } from './roll-out-options.ts'

/** How long supervisors may take to appear. */
const SUPERVISORS_WAIT_MS = 15_000

export function afterPlan(
  { config, parallel }: Context,
  choice: RollOutChoice,
  signal: AbortSignal,
  progress: Progress,
): Omit<AfterPlan, 'claimOf' | 'transport' | 'keep'> {
  const { check, checkTimeoutMs } = config.release
  return {
    job: config.job,
    parallel,
    restart: choice.restart
      ? { clock: systemClock, drainMs: choice.drainMs, supervisorsMs: SUPERVISORS_WAIT_MS }
      : undefined,
    check: check === undefined ? undefined : { command: check, timeoutMs: checkTimeoutMs },
    autoRollback: choice.autoRollback,
    signal,
    step: (node, what) => progress.step?.(node, what),
  }
}
