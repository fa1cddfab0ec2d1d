// Errors as an operator reads them: what happened, where, and what to do. Nodes with the same error are named together.
import { foldNodes } from '../../config/index.ts'
import type { FleetError } from '../../core/index.ts'
import type { NodeResult } from '../../fleet/index.ts'
import type { Output } from './output.ts'
import { withoutNames } from './without-names.ts'

export function printError(output: Output, error: FleetError, isVerbose: boolean): void {
  output.note(`${output.style(['bold', 'red'], 'error')} ${error.message}`)
  if (error.remedy !== undefined) output.note(`  ${output.style('cyan', 'do')}   ${error.remedy}`)
  output.note(`  ${output.style('dim', error.code)}`)
  if (!isVerbose) return
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    output.note(cause.stack ?? cause.message)
}

export function printNodeErrors(output: Output, results: readonly NodeResult<unknown>[]): void {
  const groups = new Map<string, { error: FleetError; nodes: string[] }>()
  for (const result of results) {
    if (result.ok) continue
    const key = withoutNames(result.node, `${result.error.code}\n${result.error.message}\n${result.error.remedy ?? ''}`)
    const group = groups.get(key) ?? { error: result.error, nodes: [] }
    group.nodes.push(result.node)
    groups.set(key, group)
  }
  for (const { error, nodes } of groups.values()) {
    const [first = ''] = nodes
    const text = (message: string): string => (nodes.length === 1 ? message : withoutNames(first, message))
    output.note(
      `${output.style(['bold', 'red'], 'failed')} ${output.style('bold', foldNodes(nodes))}: ${text(error.message)}`,
    )
    if (error.remedy !== undefined) output.note(`  ${output.style('cyan', 'do')}   ${text(error.remedy)}`)
    output.note(`  ${output.style('dim', error.code)}`)
  }
}

/** The shape of a failed node in --json. */
export function errorJson(error: FleetError): { code: string; message: string; remedy?: string } {
  return { code: error.code, message: error.message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) }
}

/** The common --json document of commands over many nodes. */
export function nodesJson<Value>(
  schema: string,
  results: readonly NodeResult<Value>[],
  show: (value: Value) => object,
): object {
  return {
    schema,
    nodes: results.map((result) =>
      result.ok
        ? { node: result.node, ok: true, ...show(result.value) }
        : { node: result.node, ok: false, error: errorJson(result.error) },
    ),
  }
}
