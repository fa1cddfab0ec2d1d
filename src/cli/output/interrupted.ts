// After Ctrl-C: which nodes are done, and which are as they were.
import { foldNodes } from '../../config/index.ts'
import type { NodeResult } from '../../fleet/index.ts'
import type { Output } from './output.ts'

/** Errors of nodes on which nothing was changed. */
const UNTOUCHED = new Set(['FLEET_ROLLOUT_STOPPED', 'FLEET_SSH_ABORTED'])

export function isUntouched(result: NodeResult<unknown>): boolean {
  return !result.ok && UNTOUCHED.has(result.error.code)
}

export function printInterruption(output: Output, results: readonly NodeResult<unknown>[]): void {
  const done = results.filter(({ ok }) => ok).map(({ node }) => node)
  const untouched = results.filter(isUntouched).map(({ node }) => node)
  output.note('interrupted')
  if (done.length > 0) output.note(`done: ${foldNodes(done)}`)
  if (untouched.length > 0) output.note(`as before: ${foldNodes(untouched)}`)
}
