// Four times as many nodes in one run: the time must not grow faster than the number, nobody may be missed, and the memory of the
// control process is said.
import type { Lab } from '../../test/lab/lab.ts'
import { atMost, judge, shownBeside, unmeasured, type Figure } from '../figure.ts'
import { BARE_SSH2, bareSsh2, fleetExec, type Contender } from './contenders.ts'
import { ADDRESSES_PER_HOST, manifold, whyNoMoreAddresses, type Nodes } from './nodes.ts'
import { peakMemoryMib } from './peak-memory.ts'
import { takeTurns } from './turns.ts'

export interface ManyNodesOptions {
  /** The nodes of the lab as they are. */
  readonly nodes: Nodes
  readonly folder: string
  readonly runs: number
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** A tenth more than as many times the nodes: what two medians on a shared machine may differ by. */
const SLACK = 1.1

/** Throws when the signal comes, or when the lab takes no further addresses. */
export async function manyNodesFigures(lab: Lab, options: ManyNodesOptions): Promise<readonly Figure[]> {
  const { nodes: few, folder, signal, say } = options
  const count = few.addresses.length * ADDRESSES_PER_HOST
  const time = `exec true on ${count} nodes`
  const memory = `${time}, all at once, peak memory of the control process`
  const reason = whyNoMoreAddresses(few.addresses.length)
  if (reason !== undefined) return [unmeasured(time, 's', reason), unmeasured(memory, 'MiB', reason)]
  say(`${ADDRESSES_PER_HOST} addresses for each node`)
  const many = await manifold(lab, folder)
  return [
    await timeFigure(
      time,
      { ...fleetExec(few, folder), name: `fleet exec on ${few.addresses.length} nodes` },
      many,
      options,
    ),
    await memoryFigure(memory, fleetExec(many, folder, count), bareSsh2(many, lab.keyFile, folder, count), {
      folder,
      signal,
    }),
  ]
}

async function timeFigure(figure: string, few: Contender, many: Nodes, options: ManyNodesOptions): Promise<Figure> {
  const { folder, runs, signal, say } = options
  const ours = fleetExec(many, folder)
  const turns = await takeTurns([few, ours], { missing: new Map(), runs, signal, say, cwd: folder })
  const why = turns.failure(ours.name) ?? turns.failure(few.name)
  if (why !== undefined) return unmeasured(figure, 's', why)
  return judge({
    figure,
    unit: 's',
    ours: turns.wallS(ours.name),
    peers: { [few.name]: turns.wallS(few.name) },
    goal: atMost(ADDRESSES_PER_HOST * SLACK, few.name),
    note: `${many.addresses.length} addresses on ${many.addresses.length / ADDRESSES_PER_HOST} hosts; every run reached all of them`,
  })
}

async function memoryFigure(
  figure: string,
  ours: Contender,
  bare: Contender,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<Figure> {
  try {
    const peak = await peakMemoryMib(ours, folder, signal)
    const peers = { [BARE_SSH2]: await peakMemoryMib(bare, folder, signal) }
    return judge({ figure, unit: 'MiB', ours: peak, peers, goal: shownBeside(BARE_SSH2) })
  } catch (error) {
    signal.throwIfAborted()
    return unmeasured(figure, 'MiB', error instanceof Error ? error.message : String(error))
  }
}
