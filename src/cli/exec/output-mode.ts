// The three ways to see what a command printed everywhere: gathered at the end, as a stream of lines, in files.
import { isUtf8 } from 'node:buffer'
import { foldNodes } from '../../config/index.ts'
import { FleetError, type NodeName } from '../../core/index.ts'
import { outcomeLabel, type ExecOutcome, type NodeResult, type OutputSink } from '../../fleet/index.ts'
import { errorJson } from '../output/errors.ts'
import type { Output } from '../output/output.ts'
import { printable } from '../output/printable.ts'
import { createGathering, type Gathered, type Gatherer } from './gather.ts'
import { groupsOf, type Ended, type Group } from './groups.ts'
import { createFileSink, makeFolder, type FileSink } from './output-files.ts'
import { createLineSink, type LineSink } from './stream-lines.ts'

export interface OutputMode {
  /** Before the node is reached. */
  readonly open: (node: NodeName) => OutputSink
  /** The node was reached, and this is how its command ended. */
  readonly ended: (node: NodeName, outcome: ExecOutcome) => void
  /** Whatever became of the node. */
  readonly close: (node: NodeName) => void
  /** After all nodes. */
  readonly finish: (results: readonly NodeResult<ExecOutcome>[]) => void
}

export function createOutputMode(
  output: Output,
  { stream = false, out }: { readonly stream?: boolean; readonly out?: string },
): OutputMode {
  if (out !== undefined && stream) {
    throw new FleetError('FLEET_CLI_BAD_OPTION', 'expected one of --stream and --out, got both')
  }
  if (stream) return output.isJson ? streamedJson() : streamed()
  return out === undefined ? gathered(output) : inFiles(output, out)
}

function gathered(output: Output): OutputMode {
  const gathering = createGathering()
  const open = new Map<string, Gatherer>()
  const ended: Ended[] = []
  return {
    open: (node) => {
      const sink = gathering.forNode()
      open.set(node, sink)
      return sink
    },
    ended: (node, outcome) => {
      const sink = open.get(node)
      if (sink !== undefined) ended.push({ node, outcome, output: sink.end() })
    },
    close: (node) => {
      open.delete(node)
    },
    finish: (results) => {
      const outputs = new Map(ended.map((one) => [one.node, one.output]))
      if (output.isJson) writeJson(results, (node) => textsOf(outputs.get(node)))
      else for (const group of groupsOf(inOrder(ended, results))) printGroup(output, group)
    },
  }
}

/** In the order of the inventory, not of who was first. */
function inOrder(ended: readonly Ended[], results: readonly NodeResult<unknown>[]): readonly Ended[] {
  const byNode = new Map(ended.map((one) => [one.node, one]))
  return results.flatMap(({ node }) => byNode.get(node) ?? [])
}

function printGroup(output: Output, { nodes, outcome, output: { stdout, stderr } }: Group): void {
  const label = outcomeLabel(outcome)
  const facts = [label, stdout.length + stderr.length === 0 ? 'no output' : ''].filter((fact) => fact !== '')
  const header = output.style(
    label === '' ? 'bold' : ['bold', 'red'],
    `--- ${foldNodes(nodes)} (${nodes.length})${facts.map((fact) => ` · ${fact}`).join('')}`,
  )
  process.stdout.write(`${header}\n`)
  writeBytes(process.stdout, stdout)
  if (stderr.length === 0) return
  // Whoever keeps the two apart must find the nodes in both.
  if (!process.stdout.isTTY || !process.stderr.isTTY)
    process.stderr.write(`--- ${foldNodes(nodes)} (${nodes.length}) · stderr\n`)
  writeBytes(process.stderr, stderr)
}

function writeBytes(stream: NodeJS.WriteStream, bytes: Buffer): void {
  if (bytes.length === 0) return
  stream.write(printable(bytes, stream.isTTY))
  if (bytes.at(-1) !== NEWLINE) stream.write('\n')
}

const NEWLINE = 0x0a

function streamed(): OutputMode {
  return streamOf((node, name, line) => {
    const stream = name === 'stdout' ? process.stdout : process.stderr
    // One write for one line, so that nothing of another node comes between.
    stream.write(
      Buffer.concat([Buffer.from(`${node}: `), Buffer.from(printable(line, stream.isTTY)), Buffer.from('\n')]),
    )
  })
}

function streamedJson(): OutputMode {
  const mode = streamOf((node, stream, line) => {
    process.stdout.write(`${JSON.stringify({ node, stream, ...textOf('line', line) })}\n`)
  })
  return {
    ...mode,
    finish: (results) => {
      for (const result of results)
        process.stdout.write(`${JSON.stringify({ schema: 'fleet.exec-end/1', ...resultJson(result) })}\n`)
    },
  }
}

function streamOf(onLine: (node: NodeName, stream: 'stdout' | 'stderr', line: Buffer) => void): OutputMode {
  const open = new Map<string, LineSink>()
  return {
    open: (node) => {
      const sink = createLineSink((stream, line) => {
        onLine(node, stream, line)
      })
      open.set(node, sink)
      return sink
    },
    ended: (node, outcome) => {
      open.get(node)?.end()
      const label = outcomeLabel(outcome)
      if (label !== '') process.stderr.write(`${node}: ${label}\n`)
    },
    close: (node) => {
      open.delete(node)
    },
    finish: () => undefined,
  }
}

function inFiles(output: Output, folder: string): OutputMode {
  makeFolder(folder)
  const open = new Map<string, FileSink>()
  return {
    open: (node) => {
      const sink = createFileSink(folder, node)
      open.set(node, sink)
      return sink
    },
    ended: () => undefined,
    close: (node) => {
      open.get(node)?.end()
      open.delete(node)
    },
    finish: (results) => {
      if (output.isJson) {
        writeJson(results, (node) => ({ stdout_file: `${folder}/${node}.out`, stderr_file: `${folder}/${node}.err` }))
        return
      }
      const nothing: Gathered = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
      const ended = results.flatMap((result) =>
        result.ok ? [{ node: result.node, outcome: result.value, output: nothing }] : [],
      )
      for (const { nodes, outcome } of groupsOf(ended)) {
        const label = outcomeLabel(outcome)
        output.result(
          `--- ${foldNodes(nodes)} (${nodes.length}) · ${label === '' ? 'exit 0' : label}, output in ${folder}`,
        )
      }
    },
  }
}

function textsOf(output: Gathered | undefined): object {
  return { ...textOf('stdout', output?.stdout), ...textOf('stderr', output?.stderr) }
}

/** As text, and also as the bytes that it was when they were not UTF-8. */
function textOf(name: string, bytes: Buffer = Buffer.alloc(0)): object {
  return {
    [name]: bytes.toString(),
    ...(isUtf8(bytes) ? {} : { [`${name}_base64`]: bytes.toString('base64') }),
  }
}

/** Node by node: one text with the output of fifty nodes may be longer than a string can be. */
function writeJson(results: readonly NodeResult<ExecOutcome>[], more: (node: string) => object): void {
  process.stdout.write('{"schema":"fleet.exec/1","nodes":[')
  for (const [index, result] of results.entries())
    process.stdout.write(`${index === 0 ? '' : ','}${JSON.stringify({ ...resultJson(result), ...more(result.node) })}`)
  process.stdout.write(']}\n')
}

function resultJson(result: NodeResult<ExecOutcome>): object {
  if (!result.ok) return { node: result.node, ok: false, outcome: 'not run', error: errorJson(result.error) }
  const { value } = result
  switch (value.kind) {
    case 'exited':
      return { node: result.node, ok: value.exitCode === 0, outcome: 'exited', exit_code: value.exitCode }
    case 'killed':
      return { node: result.node, ok: false, outcome: 'killed', signal: value.signal }
    case 'unknown':
      return { node: result.node, ok: false, outcome: 'unknown', error: errorJson(value.error) }
  }
}
