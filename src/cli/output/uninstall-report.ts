// What `fleet uninstall` did or would do: a line for all nodes with the same outcome, and a document with each.
import { foldNodes } from '../../config/index.ts'
import { LeftoversError, type NodeResult, type UninstallValue } from '../../fleet/index.ts'
import { errorJson } from './errors.ts'

export function rehearsalLines(results: readonly NodeResult<readonly string[]>[]): string[] {
  return foldedLines(results, (steps) => (steps.length === 0 ? 'nothing there' : `would ${steps.join('; ')}`))
}

export function rehearsalJson(results: readonly NodeResult<readonly string[]>[]): object {
  return {
    schema: 'fleet.uninstall/1',
    dry_run: true,
    nodes: results.map((result) =>
      result.ok
        ? { node: result.node, ok: true, would: result.value }
        : { node: result.node, ok: false, would: [], error: errorJson(result.error) },
    ),
  }
}

export function uninstallLines(results: readonly NodeResult<UninstallValue>[]): string[] {
  return foldedLines(results, ({ removed, notes }) =>
    [removed.length === 0 ? 'nothing there' : `nothing is left; removed: ${removed.join(', ')}`, ...notes].join('; '),
  )
}

export function uninstallJson(results: readonly NodeResult<UninstallValue>[]): object {
  return { schema: 'fleet.uninstall/1', nodes: results.map(nodeJson) }
}

function foldedLines<Value>(results: readonly NodeResult<Value>[], textOf: (value: Value) => string): string[] {
  const lines = new Map<string, string[]>()
  for (const result of results) {
    if (!result.ok) continue
    const text = textOf(result.value)
    lines.set(text, [...(lines.get(text) ?? []), result.node])
  }
  return [...lines].map(([text, nodes]) => `${foldNodes(nodes)}  ${text}`)
}

function nodeJson(result: NodeResult<UninstallValue>): object {
  if (result.ok) return { node: result.node, ok: true, ...result.value }
  const done = result.error instanceof LeftoversError ? result.error.value : { removed: [], left: [], notes: [] }
  return { node: result.node, ok: false, ...done, error: errorJson(result.error) }
}
