// What is known of work on many nodes while it runs: who is at it, how much was sent, when it will be over. Pure, but for the clock.
import type { Clock, NodeName } from '../../core/index.ts'
import type { Progress } from '../../fleet/index.ts'
import { createRateWindow } from './rate-window.ts'

export interface RunningNode {
  readonly node: NodeName
  /** What is being done; empty when nothing was said. */
  readonly step: string
  readonly sentBytes: number
  readonly ofBytes: number
}

export interface ProgressView {
  /** In the order in which they began. */
  readonly running: readonly RunningNode[]
  readonly done: number
  readonly failed: number
  readonly nodes: number
  readonly sentBytes: number
  /** Of all nodes. Those of which it is not known yet count as the mean of the others; 0 when nothing is sent. */
  readonly ofBytes: number
  readonly bytesPerS: number | undefined
  readonly leftMs: number | undefined
}

export interface ProgressModel extends Required<Progress> {
  view(): ProgressView
}

/** A node may begin and end more than once; its last word counts. */
export function createProgressModel(nodes: number, clock: Clock): ProgressModel {
  const running = new Map<NodeName, string>()
  const ended = new Map<NodeName, boolean>()
  const sent = new Map<NodeName, { bytes: number; ofBytes: number }>()
  const rate = createRateWindow(clock)
  const sum = (field: 'bytes' | 'ofBytes'): number => [...sent.values()].reduce((total, one) => total + one[field], 0)

  return {
    started: (node) => {
      ended.delete(node)
      running.set(node, running.get(node) ?? '')
    },
    step: (node, what) => {
      if (!ended.has(node)) running.set(node, what)
    },
    sent: (node, bytes, ofBytes) => {
      // From 0, so that the first bytes have a time before them.
      if (sent.size === 0) rate.add(0)
      sent.set(node, { bytes, ofBytes: Math.max(bytes, ofBytes) })
      rate.add(sum('bytes'))
    },
    ended: ({ node, ok }) => {
      running.delete(node)
      ended.set(node, ok)
      const last = sent.get(node)
      // What a node did not get, nobody waits for any more.
      if (last !== undefined) sent.set(node, { bytes: last.bytes, ofBytes: last.bytes })
    },
    view: () => {
      const told = new Set([...sent.keys(), ...ended.keys()]).size
      const sentBytes = sum('bytes')
      const toldBytes = sum('ofBytes')
      const ofBytes = Math.round(toldBytes + (told === 0 ? 0 : (toldBytes / told) * Math.max(0, nodes - told)))
      const bytesPerS = rate.perS()
      const done = [...ended.values()].filter(Boolean).length
      return {
        running: [...running].map(([node, step]) => {
          const { bytes: sentHere, ofBytes: ofHere } = sent.get(node) ?? { bytes: 0, ofBytes: 0 }
          return { node, step, sentBytes: sentHere, ofBytes: ofHere }
        }),
        done,
        failed: ended.size - done,
        nodes,
        sentBytes,
        ofBytes,
        bytesPerS,
        leftMs:
          bytesPerS === undefined || bytesPerS < 1 || sentBytes >= ofBytes
            ? undefined
            : ((ofBytes - sentBytes) / bytesPerS) * 1000,
      }
    },
  }
}
