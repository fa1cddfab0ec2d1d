// What a push did: a row per node, one closing line, and the same as JSON.
import { formatDuration, formatSize } from '../../core/index.ts'
import type { NodeResult, PushedValue } from '../../fleet/index.ts'
import { nodesJson } from './errors.ts'
import { isUntouched } from './interrupted.ts'
import { count, table, type Column } from './table.ts'

export function pushLines(results: readonly NodeResult<PushedValue>[]): string[] {
  const values = results.flatMap((result) => (result.ok ? [result] : []))
  if (values.length === 0) return []
  const hasRestarts = values.some(({ value }) => value.restarted !== undefined)
  const hasChecks = values.some(({ value }) => value.checked !== undefined)
  const columns: readonly Column[] = [
    { title: 'NODE' },
    { title: 'OUTCOME' },
    { title: 'SENT', align: 'right' },
    { title: 'RELEASE' },
    ...(hasRestarts ? [{ title: 'RESTARTED', align: 'right' } as const] : []),
    ...(hasChecks ? [{ title: 'CHECK' }] : []),
  ]
  return table(
    columns,
    values.map(({ node, value }) => [
      node,
      value.outcome,
      value.sentBytes === 0 ? '-' : formatSize(value.sentBytes),
      switchText(value),
      ...(hasRestarts ? [value.restarted === undefined ? '-' : count(value.restarted)] : []),
      ...(hasChecks ? [value.checked === undefined ? '-' : 'healthy'] : []),
    ]),
  )
}

/** `47 pushed, 3 unchanged, 1 failed · 2.3 GiB in 12s (195.0 MiB/s)`. */
export function closingLine(results: readonly NodeResult<PushedValue>[], tookMs: number): string {
  const outcomes = new Map<string, number>()
  let sentBytes = 0
  for (const result of results) {
    const outcome = result.ok ? result.value.outcome : isUntouched(result) ? 'not touched' : 'failed'
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (result.ok) sentBytes += result.value.sentBytes
  }
  const counted = [...outcomes].map(([outcome, nodes]) => `${count(nodes)} ${outcome}`).join(', ')
  const took = formatDuration(tookMs)
  if (sentBytes === 0) return `${counted} · ${results.every(({ ok }) => ok) ? 'nothing sent, ' : ''}${took}`
  const rate = formatSize(Math.round((sentBytes * 1000) / Math.max(1, tookMs)))
  return `${counted} · ${formatSize(sentBytes)} in ${took} (${rate}/s)`
}

export function pushJson(results: readonly NodeResult<PushedValue>[]): object {
  return nodesJson('fleet.push/1', results, ({ sentBytes, ...value }) => ({ ...value, sent_bytes: sentBytes }))
}

/** `3f2a11223344`, or what was current before and what is now. */
export function switchText({ previous, release }: { readonly previous: string; readonly release: string }): string {
  const now = release.slice(0, 12)
  return previous === '' || previous === release ? now : `${previous.slice(0, 12)} -> ${now}`
}
