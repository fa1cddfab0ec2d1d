// What is wrong, first the worst: equal findings once, with their nodes folded, each with what to do.
import { foldNodes } from '../../config/index.ts'
import { bySeverity, type Finding, type NodeCheck, type NodeResult } from '../../fleet/index.ts'
import type { Output, Style } from './output.ts'
import { withoutNames } from './without-names.ts'
import { wrap } from './wrap.ts'

interface Problem extends Finding {
  readonly nodes: string[]
}

const WIDTH = 100
const INDENT = 9
const COLOURS: Readonly<Record<Finding['severity'], Style[]>> = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  note: ['bold', 'cyan'],
}

/** Did the check find an error, or not get there at all? */
export function isBad(result: NodeResult<NodeCheck>): boolean {
  return !result.ok || result.value.findings.some(({ severity }) => severity === 'error')
}

/** `notes`: what the inventory holds that cannot be honoured. The last line counts nodes. */
export function problemLines(
  results: readonly NodeResult<NodeCheck>[],
  notes: readonly string[],
  style: Output['style'],
): string[] {
  const lines = problemsOf(results).flatMap((problem) => [
    ...entry(style(COLOURS[problem.severity], problem.severity), `${problem.subject}: ${problem.message}`),
    ...entry(style('dim', 'on'), style('bold', foldNodes(problem.nodes))),
    ...entry(style('cyan', 'do'), problem.remedy),
    '',
  ])
  const inventory = notes.flatMap((note) => [...entry(style(COLOURS.note, 'note'), `inventory: ${note}`), ''])
  return [...lines, ...inventory, verdict(results, style)]
}

function problemsOf(results: readonly NodeResult<NodeCheck>[]): readonly Problem[] {
  const problems = new Map<string, Problem>()
  for (const result of results) {
    for (const finding of result.ok ? result.value.findings : [unreached(result)]) {
      const key = JSON.stringify([finding.severity, finding.subject, finding.message, finding.remedy])
      const problem = problems.get(key) ?? { ...finding, nodes: [] }
      problem.nodes.push(result.node)
      problems.set(key, problem)
    }
  }
  return [...problems.values()].sort(bySeverity)
}

/** Messages of the way in name node and place; without them the same failure of many nodes is told once. */
function unreached({ node, error }: Extract<NodeResult<NodeCheck>, { ok: false }>): Finding {
  return {
    severity: 'error',
    subject: error.code,
    message: withoutNames(node, error.message),
    remedy: withoutNames(node, error.remedy ?? 'run fleet check -v --limit with this node, and look at the message'),
  }
}

function entry(label: string, text: string): string[] {
  return wrap(text, { first: label, indent: INDENT, width: WIDTH })
}

function verdict(results: readonly NodeResult<NodeCheck>[], style: Output['style']): string {
  const total = `${results.length} ${results.length === 1 ? 'node' : 'nodes'}`
  const unreachable = results.filter((result) => !result.ok).length
  const bad = results.filter(isBad).length - unreachable
  const warned = results.filter((result) => !isBad(result) && hasWarning(result)).length
  const parts = [
    ...(unreachable > 0 ? [style(COLOURS.error, `${unreachable} not reached`)] : []),
    ...(bad > 0 ? [style(COLOURS.error, `${bad} with errors`)] : []),
    ...(warned > 0 ? [style(COLOURS.warning, `${warned} with warnings only`)] : []),
    `${results.length - unreachable - bad - warned} well`,
  ]
  return `${total}: ${parts.join(', ')}`
}

function hasWarning(result: NodeResult<NodeCheck>): boolean {
  return result.ok && result.value.findings.some(({ severity }) => severity === 'warning')
}
