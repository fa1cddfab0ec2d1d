// Live progress of work on many nodes: a picture on a terminal, plain lines with the same facts elsewhere. Always on stderr.
import { systemClock, type Clock, type NodeName } from '../../core/index.ts'
import type { Progress } from '../../fleet/index.ts'
import type { Output } from './output.ts'
import { createProgressModel } from './progress-model.ts'
import { progressLines, totalLine } from './progress-lines.ts'

/** Between two plain lines about everything. */
const TOTAL_EVERY_MS = 5000

/** Runs `work` with a Progress that shows what it hears. `verb` is what is done to a node, for example `push`. */
export async function withProgress<Value>(
  output: Output,
  verb: string,
  nodes: readonly NodeName[],
  work: (progress: Progress) => Promise<Value>,
  clock: Clock = systemClock,
): Promise<Value> {
  if (!output.isInteractive || output.isJson) return work(plainLines(output, verb, nodes.length, clock))
  const model = createProgressModel(nodes.length, clock)
  const end = output.drawBelow((size) => {
    const lines = progressLines(model.view(), verb, size)
    return lines.map((line, index) => (index === lines.length - 1 ? output.style('bold', line) : line))
  })
  try {
    return await work(model)
  } finally {
    end()
  }
}

/** A line when a node ends; while bytes are being sent also one about all of them, every few seconds. */
function plainLines(output: Output, verb: string, nodes: number, clock: Clock): Progress {
  const model = createProgressModel(nodes, clock)
  let toldMs: number | undefined
  let toldBytes = 0
  return {
    started: model.started,
    sent: (node, bytes, ofBytes) => {
      model.sent(node, bytes, ofBytes)
      const nowMs = clock.monotonicMs()
      toldMs ??= nowMs
      if (nowMs - toldMs < TOTAL_EVERY_MS) return
      const view = model.view()
      if (view.sentBytes > toldBytes) output.note(`${verb}: ${totalLine(view)}`)
      toldMs = nowMs
      toldBytes = view.sentBytes
    },
    ended: (result) => {
      model.ended(result)
      output.note(`${verb} ${result.node}: ${result.ok ? 'ok' : `failed: ${result.error.message}`}`)
    },
  }
}
