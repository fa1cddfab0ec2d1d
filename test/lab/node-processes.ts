// What runs in a node, seen from the machine around it: the kernel's PID namespaces are the truth, names are not.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface NodeProcess {
  /** As this machine knows it, so that a test can signal it. */
  readonly pid: number
  /** As the node knows it. */
  readonly pidInNode: number
  /** The arguments with spaces between them. Tells a person what it is; proves nothing to a program. */
  readonly command: string
}

/** All processes in the PID namespace of the process whose PID stands in `pidFile`; empty when there is no such process. */
export function processesBelow(pidFile: string): readonly NodeProcess[] {
  const namespace = ifThere(() => readlinkSync(`/proc/${readFileSync(pidFile, 'utf8').trim()}/ns/pid`))
  if (namespace === undefined || namespace === readlinkSync('/proc/self/ns/pid')) return []
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => ifThere(() => readlinkSync(`/proc/${entry}/ns/pid`)) === namespace)
    .flatMap((entry) => ifThere(() => describeProcess(entry)) ?? [])
}

function describeProcess(entry: string): NodeProcess {
  const status = readFileSync(`/proc/${entry}/status`, 'utf8')
  const pidInNode = /^NSpid:.*\s(\d+)$/m.exec(status)?.[1]
  const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  return { pid: Number(entry), pidInNode: Number(pidInNode), command }
}

// A process may end between any two looks at it.
function ifThere<Value>(look: () => Value): Value | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
