// Progress of the look at all nodes before a change: drawn on a terminal; elsewhere nodes that are well need no line.
import type { FleetNode, NodeResult, Progress } from '../fleet/index.ts'
import type { Output } from './output/output.ts'
import { withProgress } from './output/progress.ts'

export function surveyProgress<Value>(
  output: Output,
  nodes: readonly FleetNode[],
  work: (progress: Progress) => Promise<NodeResult<Value>[]>,
): Promise<NodeResult<Value>[]> {
  if (output.isInteractive && !output.isJson)
    return withProgress(
      output,
      'look at',
      nodes.map(({ node }) => node),
      work,
    )
  return work({
    ended: (result) => {
      if (!result.ok) output.note(`${result.node}: ${result.error.message}`)
    },
  })
}
