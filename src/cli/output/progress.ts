// Live progress of work on many nodes: a list that draws itself on a terminal, plain lines elsewhere. Always on stderr.
import type { NodeName } from '../../core/index.ts'
import type { NodeResult, Progress } from '../../fleet/index.ts'
import type { Output } from './output.ts'

/** Runs `work` with a Progress that shows what it hears. `verb` is what is done to a node, for example `push`. */
export async function withProgress<Value>(
  output: Output,
  verb: string,
  nodes: readonly NodeName[],
  work: (progress: Progress) => Promise<Value>,
): Promise<Value> {
  if (output.isInteractive && !output.isJson) return drawList(verb, nodes, work)
  return work({
    ended: (result) => {
      output.note(`${verb} ${result.node}: ${result.ok ? 'ok' : `failed: ${result.error.message}`}`)
    },
  })
}

async function drawList<Value>(
  verb: string,
  nodes: readonly NodeName[],
  work: (progress: Progress) => Promise<Value>,
): Promise<Value> {
  const { Listr } = await import('listr2')
  const rows = new Map(nodes.map((node) => [node, row()]))
  let ended = 0
  const list = new Listr(
    nodes.map((node) => ({
      title: `${verb} ${node}`,
      task: async (_context: unknown, task: { output: string; title: string }): Promise<void> => {
        const own = rows.get(node)
        if (own === undefined) return
        own.show = (what) => {
          task.output = what
        }
        const result = await own.ended
        if (!result.ok) throw result.error
      },
    })),
    // Only what is at work is drawn: fifty nodes must fit on a terminal.
    {
      concurrent: true,
      exitOnError: false,
      renderer: 'default',
      rendererOptions: { clearOutput: true, collapseErrors: true },
      registerSignalListeners: false,
    },
  )
  const drawn = list.run().catch(() => undefined)
  try {
    return await work({
      step: (node, what) => rows.get(node)?.show(what),
      ended: (result) => {
        ended += 1
        rows.get(result.node)?.end(result)
      },
    })
  } finally {
    if (ended === nodes.length) await drawn
  }
}

interface Row {
  show: (what: string) => void
  end: (result: NodeResult<unknown>) => void
  readonly ended: Promise<NodeResult<unknown>>
}

function row(): Row {
  const { promise, resolve } = Promise.withResolvers<NodeResult<unknown>>()
  return { show: () => undefined, end: resolve, ended: promise }
}
