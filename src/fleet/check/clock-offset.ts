// How far a node's clock is off, from one question and its answer.
import type { NodeFacts } from '../../node/index.ts'
import type { ClockOffset } from './finding.ts'

/** RFC 5905, 8: what both ways took is taken off, and half of it is the doubt, as nobody knows which way took longer. */
export function clockOffset(there: NodeFacts['clock'], sentMs: number, receivedMs: number): ClockOffset | undefined {
  if (there === undefined) return undefined
  const offsetMs = (there.beganMs - sentMs + there.endedMs - receivedMs) / 2
  const travelMs = receivedMs - sentMs - (there.endedMs - there.beganMs)
  return { offsetMs, doubtMs: Math.max(0, travelMs) / 2 + there.stepMs / 2 }
}
