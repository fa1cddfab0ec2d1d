// fleet push --dry-run: what would be sent to each node and switched there. Reads only.
import { formatSize } from '../core/index.ts'
import {
  digestsOf,
  forEachNode,
  planFor,
  type NodeResult,
  type PlannedTree,
  type Surveyed,
  type SurveyPlan,
} from '../fleet/index.ts'
import type { Context } from './context.ts'
import { exitCodeOfNodes, type ExitCode } from './exit-code.ts'
import { nodesJson, printNodeErrors } from './output/errors.ts'
import { switchText } from './output/push-table.ts'
import { count, table } from './output/table.ts'

interface Rehearsed {
  readonly release: string
  readonly kit: string
  readonly previous: string
  readonly outcome: 'push' | 'verify' | 'switch' | 'restart' | 'unchanged'
  /** Files that would be sent, whole or in part, and their bytes before compression. */
  readonly files: number
  readonly bytes: number
  /** Files that are there already and would be linked or copied. */
  readonly linked: number
}

/** `isVerbose`: the files of the release as well. */
export async function rehearse(
  context: Context,
  surveyed: readonly NodeResult<Surveyed>[],
  plan: SurveyPlan,
  isVerbose: boolean,
): Promise<ExitCode> {
  const { output, parallel } = context
  const { digest, files } = plan.trees.release.manifest
  if (isVerbose)
    for (const file of files) output.result(`${file.mode} ${formatSize(file.sizeBytes).padStart(10)}  ${file.path}`)
  const ready = surveyed.flatMap((result) => (result.ok ? [{ node: result.node, one: result.value }] : []))
  const planned = await forEachNode(ready, parallel, async ({ one }) =>
    rehearsed(one, one.isUnchanged ? [] : await planFor(one, plan)),
  )
  const byNode = new Map(planned.map((result) => [result.node, result]))
  const results = surveyed.map((result): NodeResult<Rehearsed> =>
    result.ok ? (byNode.get(result.node) ?? { ...result, value: rehearsed(result.value, []) }) : result,
  )
  const rows = results.flatMap((result) => (result.ok ? [rowOf(result.node, result.value)] : []))
  if (rows.length > 0) {
    for (const line of table(
      [
        { title: 'NODE' },
        { title: 'WOULD' },
        { title: 'FILES', align: 'right' },
        { title: 'BYTES', align: 'right' },
        { title: 'LINKED', align: 'right' },
        { title: 'RELEASE' },
      ],
      rows,
    ))
      output.result(line)
  }
  printNodeErrors(output, results)
  output.json({ ...nodesJson('fleet.push/1', results, (value) => value), dry_run: true, release: digest, files })
  return exitCodeOfNodes(results)
}

function rehearsed({ trees, found, isUnchanged, staleWorkers }: Surveyed, planned: readonly PlannedTree[]): Rehearsed {
  const plans = planned.flatMap((one) => (one.how === 'new' ? [one.plan] : []))
  const sum = (of: (plan: (typeof plans)[number]) => number): number => plans.reduce((total, one) => total + of(one), 0)
  const { release, kit } = digestsOf(trees)
  const outcome = isUnchanged
    ? staleWorkers > 0
      ? 'restart'
      : 'unchanged'
    : plans.length > 0
      ? 'push'
      : planned.length > 0
        ? 'verify'
        : 'switch'
  return {
    release,
    kit,
    previous: found.currentRelease,
    outcome,
    files: sum(({ files, rests }) => files.length + rests.length),
    bytes: sum(({ contentBytes }) => contentBytes),
    linked: sum(({ same, moved }) => [...same.values()].flat().length + moved.length),
  }
}

function rowOf(node: string, value: Rehearsed): string[] {
  const { files, bytes, linked } = value
  return [
    node,
    value.outcome,
    files === 0 ? '-' : count(files),
    bytes === 0 ? '-' : formatSize(bytes),
    linked === 0 ? '-' : count(linked),
    switchText(value),
  ]
}
