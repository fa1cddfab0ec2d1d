// Which releases lie on the nodes: nodes that hold the same are named together.
import { foldNodes } from '../../config/index.ts'
import { labelOf, type Holdings, type NodeResult } from '../../fleet/index.ts'
import { nodesJson } from './errors.ts'
import { count } from './table.ts'

/** The newest first. `installedS` differs a little from node to node: the earliest of each group is shown. */
export function releaseListLines(results: readonly NodeResult<Holdings>[]): string[] {
  const groups = new Map<
    string,
    { readonly holdings: Holdings; readonly nodes: string[]; readonly since: Map<string, number> }
  >()
  for (const result of results) {
    if (!result.ok) continue
    const holdings = result.value
    const key = holdings.releases.map(({ digest }) => labelOf(digest, holdings)).join('\n')
    const group = groups.get(key) ?? { holdings, nodes: [], since: new Map<string, number>() }
    group.nodes.push(result.node)
    for (const { digest, installedS } of holdings.releases)
      group.since.set(digest, Math.min(installedS, group.since.get(digest) ?? Infinity))
    groups.set(key, group)
  }
  return [...groups.values()].flatMap(({ holdings, nodes, since }) => [
    `${foldNodes(nodes)}${nodes.length > 1 ? ` (${count(nodes.length)} nodes)` : ''}`,
    ...(holdings.releases.length === 0 ? ['  none'] : []),
    ...holdings.releases.map(({ digest }) => {
      const installed = instant(since.get(digest) ?? 0)
      const label = labelOf(digest, holdings)
      return `  ${digest.slice(0, 12)}  ${installed}${label.slice(12).replace(' (', '  ').replace(')', '')}`
    }),
  ])
}

export function releaseListJson(results: readonly NodeResult<Holdings>[]): object {
  return nodesJson('fleet.rollback/1', results, ({ releases, currentRelease, previousRelease }) => ({
    current: currentRelease === '' ? null : currentRelease,
    previous: previousRelease === '' ? null : previousRelease,
    releases: releases.map(({ digest, installedS }) => ({ digest, installed: instant(installedS) })),
  }))
}

/** By the node's clock, to the second. */
function instant(seconds: number): string {
  const milliseconds = seconds * 1000
  // What a date cannot say (ECMA-262, time values).
  if (!Number.isFinite(milliseconds) || Math.abs(milliseconds) > 8.64e15) return 'at an unknown time'
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')
}
