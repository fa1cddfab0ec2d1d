// What an operator sees and is asked between the batches of a roll-out.
import { setTimeout as sleep } from 'node:timers/promises'
import { foldNodes } from '../config/index.ts'
import { formatDuration, toFleetError } from '../core/index.ts'
import type { FleetNode } from '../fleet/index.ts'
import type { Output } from './output/output.ts'
import type { RollOutChoice } from './roll-out-options.ts'
import { askYesNo } from './terminal/question.ts'

type OnBatch = (batch: { readonly number: number; readonly of: number; readonly nodes: readonly FleetNode[] }) => void

interface BatchSteps {
  readonly onBatch: OnBatch
  readonly between: () => Promise<string | undefined>
}

export function batchSteps(output: Output, choice: RollOutChoice, signal: AbortSignal): BatchSteps {
  return {
    onBatch: sayBatch(output),
    between: async () => {
      if (choice.pauseMs > 0) {
        output.note(`waiting ${formatDuration(choice.pauseMs)} before the next batch`)
        await sleep(choice.pauseMs, undefined, { signal }).catch(() => undefined)
      }
      return choice.ask && !signal.aborted ? ask(output) : undefined
    },
  }
}

/** Which nodes are at work, when they are not all. */
export function sayBatch(output: Output): OnBatch {
  return ({ number, of, nodes }) => {
    if (of > 1) output.note(`batch ${number} of ${of}: ${foldNodes(nodes.map(({ node }) => node))}`)
  }
}

async function ask(output: Output): Promise<string | undefined> {
  try {
    const isYes = await askYesNo('go on with the next batch?')
    output.note(`go on with the next batch? ${isYes ? 'yes' : 'no'}`)
    return isYes ? undefined : 'the operator said no before the next batch'
  } catch (error) {
    return `nobody answered before the next batch: ${toFleetError(error).message}`
  }
}
