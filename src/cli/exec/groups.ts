// Which nodes ended alike: the same outcome and the same bytes on both streams. Pure.
import { outcomeLabel, isSuccess, type ExecOutcome } from '../../fleet/index.ts'
import type { Gathered } from './gather.ts'

export interface Ended {
  readonly node: string
  readonly outcome: ExecOutcome
  readonly output: Gathered
}

export interface Group {
  readonly nodes: readonly string[]
  readonly outcome: ExecOutcome
  readonly output: Gathered
}

/** Successes first, the largest group first, so that what differs stands below what is common and failures stand last, where the eye ends. */
export function groupsOf(ended: readonly Ended[]): readonly Group[] {
  const groups: { nodes: string[]; outcome: ExecOutcome; output: Gathered }[] = []
  for (const { node, outcome, output } of ended) {
    const same = groups.find((group) => isAlike(group, { outcome, output }))
    if (same === undefined) groups.push({ nodes: [node], outcome, output })
    else same.nodes.push(node)
  }
  return groups.toSorted(
    (a, b) => Number(isSuccess(b.outcome)) - Number(isSuccess(a.outcome)) || b.nodes.length - a.nodes.length,
  )
}

function isAlike(a: Omit<Group, 'nodes'>, b: Omit<Group, 'nodes'>): boolean {
  return (
    outcomeLabel(a.outcome) === outcomeLabel(b.outcome) &&
    whyOf(a.outcome) === whyOf(b.outcome) &&
    a.output.stdout.equals(b.output.stdout) &&
    a.output.stderr.equals(b.output.stderr)
  )
}

function whyOf(outcome: ExecOutcome): string {
  return outcome.kind === 'unknown' ? outcome.error.code : ''
}
