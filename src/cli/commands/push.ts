// fleet push: build the release, put it on every node, verify, switch.
import { formatSize } from '../../core/index.ts'
import {
  buildRelease,
  forEachNode,
  kitTree,
  pushToNode,
  releaseTree,
  withConnection,
  type PushValue,
} from '../../fleet/index.ts'
import { loadContext } from '../context.ts'
import type { NodeOptions } from '../options.ts'
import { exitCodeOfNodes, type ExitCode } from '../exit-code.ts'
import { nodesJson, printNodeErrors } from '../output/errors.ts'
import { withProgress } from '../output/progress.ts'
import { count, table } from '../output/table.ts'
import { reportFailedNodes } from '../retry-file.ts'

export async function push(files: readonly string[], options: NodeOptions): Promise<ExitCode> {
  const context = loadContext(options)
  const { config, nodes, output } = context
  const built =
    files.length > 0
      ? await buildRelease(process.cwd(), files)
      : await buildRelease(config.folder, config.release.files)
  const trees = { release: releaseTree(built), kit: kitTree() }
  const { digest, sizeBytes, files: content } = built.manifest
  output.note(
    `release ${digest.slice(0, 12)}: ${count(content.length)} ${content.length === 1 ? 'file' : 'files'}, ${formatSize(sizeBytes)}, to ${nodes.length} nodes`,
  )
  if (options.dryRun === true) {
    for (const file of content) output.result(`${file.mode} ${formatSize(file.sizeBytes).padStart(10)}  ${file.path}`)
    for (const node of nodes)
      output.result(
        `would push to ${node.node} (${node.target.user}@${node.target.address}:${node.target.port}) ${node.base}`,
      )
    output.json({
      schema: 'fleet.push/1',
      dry_run: true,
      release: digest,
      files: content,
      nodes: nodes.map(({ node }) => ({ node })),
    })
    return 0
  }
  const names = nodes.map((node) => node.node)
  const needsCurl = config.worker.kind === 'exec'
  const results = await withProgress(output, 'push', names, (progress) =>
    forEachNode(
      nodes,
      context.parallel,
      (node) =>
        withConnection(context.transport, node, (connection) =>
          pushToNode(connection, node.base, trees, { needsCurl, step: (what) => progress.step?.(node.node, what) }),
        ),
      progress,
    ),
  )
  const rows = results.flatMap((result) =>
    result.ok ? [[result.node, result.value.outcome, sent(result.value), change(result.value)]] : [],
  )
  if (rows.length > 0) {
    for (const line of table(
      [{ title: 'NODE' }, { title: 'OUTCOME' }, { title: 'SENT', align: 'right' }, { title: 'RELEASE' }],
      rows,
    ))
      output.result(line)
  }
  printNodeErrors(output, results)
  output.json(nodesJson('fleet.push/1', results, ({ sentBytes, ...value }) => ({ ...value, sent_bytes: sentBytes })))
  await reportFailedNodes(context, 'push', results)
  return exitCodeOfNodes(results)
}

function sent(value: PushValue): string {
  return value.sentBytes === 0 ? '-' : formatSize(value.sentBytes)
}

function change(value: PushValue): string {
  const now = value.release.slice(0, 12)
  return value.previous === '' || value.previous === value.release ? now : `${value.previous.slice(0, 12)} -> ${now}`
}
