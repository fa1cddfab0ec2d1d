// The links between this machine and a lab: what went over them, and how much may.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import type { Lab } from '../../test/lab/lab.ts'

const run = promisify(execFile)

/** Bytes that left this machine towards the nodes so far, headers included: all of them pass the lab's bridge. */
export function sentBytes(lab: Lab): number {
  return Number(readFileSync(`/sys/class/net/${bridgeOf(lab)}/statistics/tx_bytes`, 'utf8'))
}

/** Limits what each node receives, and what this machine sends to all of them together, in Mbit/s. Disposing takes the limits away. */
export async function shapeLinks(lab: Lab, nodeMbit: number, controlMbit: number): Promise<AsyncDisposable> {
  const bridge = bridgeOf(lab)
  const limit = async (mbit: number): Promise<void> => {
    for (const [index] of lab.nodes.entries()) await lab.rate(index + 1, mbit)
  }
  const undo = async (): Promise<void> => {
    await run('tc', ['qdisc', 'del', 'dev', bridge, 'root']).catch(() => undefined)
    await limit(0)
  }
  try {
    await limit(nodeMbit)
    // A burst of two milliseconds, and a queue as deep as a switch may have it.
    const rate = ['rate', `${controlMbit}mbit`, 'burst', '256k', 'latency', '50ms']
    await run('tc', ['qdisc', 'replace', 'dev', bridge, 'root', 'tbf', ...rate])
  } catch (error) {
    await undo()
    throw error
  }
  return { [Symbol.asyncDispose]: undo }
}

function bridgeOf(lab: Lab): string {
  const bridge = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ address }) => address === lab.controlAddress),
  )
  if (bridge === undefined) throw new Error(`expected an interface with the address ${lab.controlAddress}`)
  return bridge[0]
}
