// `fleet check -v`: a row for every node, instead of the summary.
import { formatDuration, formatSize } from '../../core/index.ts'
import type { Finding, NodeCheck, NodeResult } from '../../fleet/index.ts'
import { table, type Column } from './table.ts'

const COLUMNS: readonly Column[] = [
  { title: 'NODE' },
  { title: 'CONNECT', align: 'right' },
  { title: 'USER' },
  { title: 'SHELL' },
  { title: 'OS' },
  { title: 'ARCH' },
  { title: 'LIBC' },
  { title: 'CORES', align: 'right' },
  { title: 'MEMORY', align: 'right' },
  { title: 'ROOT' },
  { title: 'FREE', align: 'right' },
  { title: 'CLOCK', align: 'right' },
  { title: 'FOUND' },
]

export function checkTable(results: readonly NodeResult<NodeCheck>[]): string[] {
  return table(
    COLUMNS,
    results.map((result) =>
      result.ok
        ? cells(result.node, result.value)
        : [result.node, ...COLUMNS.slice(2).map(() => '-'), result.error.code],
    ),
  )
}

function cells(node: string, { facts, clock, connectMs, findings }: NodeCheck): string[] {
  return [
    node,
    formatDuration(connectMs),
    facts.user,
    facts.shell.slice(facts.shell.lastIndexOf('/') + 1),
    facts.os,
    facts.arch,
    facts.libc,
    String(facts.cores ?? '?'),
    facts.memoryBytes === undefined ? '?' : formatSize(facts.memoryBytes),
    facts.filesystem,
    facts.disk === undefined ? '?' : formatSize(facts.disk.freeBytes),
    clock === undefined ? '?' : `${clock.offsetMs < 0 ? '-' : '+'}${formatDuration(Math.abs(clock.offsetMs))}`,
    foundText(findings),
  ]
}

function foundText(findings: readonly Finding[]): string {
  const count = (severity: Finding['severity']): number => findings.filter((one) => one.severity === severity).length
  const parts = (['error', 'warning', 'note'] as const).flatMap((severity) =>
    count(severity) === 0 ? [] : [`${count(severity)} ${severity}${count(severity) === 1 ? '' : 's'}`],
  )
  return parts.length === 0 ? 'well' : parts.join(', ')
}
