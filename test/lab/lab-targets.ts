// The nodes of a lab for a transport inside the test itself: what the command line would dial.
import { parseNodeName } from '../../src/core/index.ts'
import { createSsh2Transport, type Target, type Transport } from '../../src/ssh/index.ts'
import type { Lab } from './lab.ts'

/** Timers that are short enough for a test and long enough for a busy machine. */
const TIMERS = {
  dnsMs: 5000,
  connectMs: 2000,
  bannerMs: 5000,
  keyExchangeMs: 10_000,
  authMs: 10_000,
  channelMs: 5000,
  idleMs: 10_000,
  keepaliveMs: 1000,
}

export function labTransport(
  lab: Pick<Lab, 'knownHostsFile'>,
  options: { readonly retries?: number; readonly timers?: Partial<typeof TIMERS> } = {},
): Transport {
  return createSsh2Transport({
    knownHosts: { files: [lab.knownHostsFile], acceptNew: false },
    retries: options.retries ?? 6,
    timers: { ...TIMERS, ...options.timers },
  })
}

/** Node number `node`, from 1, as root. */
export function labTarget(lab: Lab, node: number, changes: Partial<Target> = {}): Target {
  const found = lab.nodes[node - 1]
  if (found === undefined) throw new Error(`expected a node ${node} in the lab, it has ${lab.nodes.length}`)
  const { name, address, port, keyFile } = found
  return { node: parseNodeName(name), address, port, user: 'root', identities: [keyFile], ...changes }
}

/** The numbers of all nodes, from `first`. */
export function numbersOf(lab: Lab, first = 1): readonly number[] {
  return lab.nodes.map((_, index) => index + 1).filter((number) => number >= first)
}

/** Connects, runs one command line and closes; its stdout. */
export async function ask(transport: Transport, target: Target, commandLine: string): Promise<string> {
  const connection = await transport.connect(target)
  try {
    return (await connection.exec(commandLine)).stdout
  } finally {
    await connection.close()
  }
}

/** `ok`, or the code of the error. */
export async function verdictOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
