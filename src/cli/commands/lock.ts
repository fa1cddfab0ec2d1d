// fleet lock: who holds the operator lock, and how to end one that was left behind.
import { foldNodes } from '../../config/index.ts'
import { formatDuration, systemClock } from '../../core/index.ts'
import {
  describeHolder,
  forEachNode,
  lockStateOf,
  releaseLock,
  withConnection,
  type LockRelease,
  type NodeResult,
} from '../../fleet/index.ts'
import type { LockState } from '../../node/index.ts'
import { loadContext } from '../context.ts'
import { exitCodeOfNodes, type ExitCode } from '../exit-code.ts'
import { commandShown } from '../operator-lock.ts'
import type { NodeOptions } from '../options.ts'
import { nodesJson, printNodeErrors } from '../output/errors.ts'
import { table } from '../output/table.ts'

export interface LockReleaseOptions extends NodeOptions {
  readonly force?: boolean
}

/** Changes nothing, and needs no lock. */
export async function lockStatus(options: NodeOptions): Promise<ExitCode> {
  const { output, nodes, parallel, transport } = loadContext(options, { patience: 'short' })
  if (options.dryRun === true) {
    for (const { node } of nodes) output.result(`would look at the operator lock of ${node}`)
    return 0
  }
  const results = await forEachNode(nodes, parallel, (node) =>
    withConnection(transport, node, (connection) => lockStateOf(connection, node.base)),
  )
  for (const line of statusTable(results)) output.result(line)
  printNodeErrors(output, results)
  output.json(nodesJson('fleet.lock/1', results, statusJson))
  return exitCodeOfNodes(results)
}

export async function lockRelease(options: LockReleaseOptions): Promise<ExitCode> {
  const { output, nodes, parallel, transport } = loadContext(options, { patience: 'short' })
  const isForced = options.force === true
  if (options.dryRun === true) {
    const whose = isForced ? 'whoever holds it' : 'a run of yours on this machine that is dead'
    for (const { node } of nodes) output.result(`would end the operator lock of ${whose} on ${node}`)
    return 0
  }
  const request = { clock: systemClock, isForced, command: commandShown() }
  const results = await forEachNode(nodes, parallel, (node) =>
    withConnection(transport, node, (connection) => releaseLock(connection, node.base, request)),
  )
  for (const { names, values } of folded(results, releaseLine))
    output.result(`${names}  ${values.slice(0, 1).map(releaseLine).join('')}`)
  printNodeErrors(output, results)
  output.json(
    nodesJson('fleet.lock-release/1', results, (release) => ({
      outcome: release.outcome,
      ...holderJson('holder' in release ? release.holder : undefined),
    })),
  )
  return exitCodeOfNodes(results)
}

const COLUMNS = ['NODE', 'LOCK', 'EPOCH', 'HELD BY', 'SINCE', 'EXPIRES IN', 'COMMAND']

/** One row for all nodes with the same holder. */
function statusTable(results: readonly NodeResult<LockState>[]): string[] {
  const groups = folded(results, ({ holder, isDamaged }) => [
    isDamaged,
    holderJson(holder),
    (holder?.expiresInS ?? 1) > 0,
  ])
  if (groups.length === 0) return []
  const rows = groups.map(({ names, values }) => {
    const epochs = values.map(({ epoch }) => epoch)
    const [least, most] = [Math.min(...epochs), Math.max(...epochs)]
    const holders = values.flatMap(({ holder }) => (holder === undefined ? [] : [holder]))
    const left = Math.min(...holders.map(({ expiresInS }) => expiresInS))
    const [holder] = holders
    return [
      names,
      values[0]?.isDamaged === true ? 'damaged' : holder === undefined ? 'free' : left > 0 ? 'held' : 'expired',
      least === most ? `${least}` : `${least}-${most}`,
      holder === undefined ? '' : `${holder.who}@${holder.host}`,
      holder?.since ?? '',
      holder !== undefined && left > 0 ? formatDuration(left * 1000) : '',
      holder?.command ?? '',
    ]
  })
  return table(
    COLUMNS.map((title) => ({ title })),
    rows,
  )
}

/** The nodes with the same key, in the order of the first of each. */
function folded<Value>(
  results: readonly NodeResult<Value>[],
  keyOf: (value: Value) => unknown,
): readonly { readonly names: string; readonly values: readonly Value[] }[] {
  const groups = new Map<string, { readonly nodes: string[]; readonly values: Value[] }>()
  for (const result of results) {
    if (!result.ok) continue
    const key = JSON.stringify(keyOf(result.value))
    const group = groups.get(key) ?? { nodes: [], values: [] }
    group.nodes.push(result.node)
    group.values.push(result.value)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ nodes, values }) => ({ names: foldNodes(nodes), values }))
}

function statusJson({ epoch, holder, isDamaged }: LockState): object {
  return {
    epoch,
    held: holder !== undefined && holder.expiresInS > 0,
    damaged: isDamaged ?? false,
    ...holderJson(holder),
    expires_in_s: holder?.expiresInS ?? null,
  }
}

function holderJson(holder: LockState['holder']): object {
  const { who = null, host = null, command = null, since = null } = holder ?? {}
  return { who, host, command, since }
}

function releaseLine(release: LockRelease): string {
  const whose = 'holder' in release && release.holder !== undefined ? describeHolder(release.holder) : ''
  switch (release.outcome) {
    case 'free':
      return 'nobody holds the operator lock; nothing was changed'
    case 'expired':
      return `has expired, whoever comes next takes it; it was held by ${whose}`
    case 'released':
      return `released; it was held by ${whose}`
    case 'forced':
      return whose === ''
        ? 'released by force: etc/epoch was damaged and is written anew'
        : `released by force: refused from now on is ${whose}`
  }
}
