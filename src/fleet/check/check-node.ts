// One node, looked at over one connection: how long the way in took, what the node says, and what follows from it.
import type { FleetConfig } from '../../config/index.ts'
import { messageOf, toFleetError, type Clock } from '../../core/index.ts'
import { factsCommand, parseFacts, parseProbe, probeCommand, REQUIRED_TOOLS, type NodeFacts } from '../../node/index.ts'
import type { Connection, Transport } from '../../ssh/index.ts'
import { urlForNode } from '../control.ts'
import { run, withConnection, type FleetNode } from '../fleet-node.ts'
import { clockOffset } from './clock-offset.ts'
import type { Finding, Observation, Wants } from './finding.ts'
import { findingsOf } from './findings.ts'
import { hashTrees } from './hashed-trees.ts'

export interface NodeCheck extends Observation {
  readonly findings: readonly Finding[]
  /** From the first packet to a connection that can be used. Milliseconds. */
  readonly connectMs: number
  /** What became known on the way in; undefined when the transport does not say. */
  readonly connection: Connection['facts']
}

export interface CheckPlan {
  readonly transport: Transport
  readonly clock: Clock
  readonly config: FleetConfig
  /** Is there a fleet.yml? Without one only what every node needs is looked at. */
  readonly hasJob: boolean
  /** See `isDispatcherUp`. */
  readonly isDispatcherUp: boolean | undefined
  /** Hash everything that was pushed there, too. */
  readonly isDeep: boolean
}

const TOOLS = [...REQUIRED_TOOLS, 'curl', 'gzip', 'zstd', 'crontab', 'systemctl']
/** The facts take at most some 30 s where everything hangs, mostly a tenth of one; a node that needs longer hangs as a whole. */
const FACTS_TIMEOUT_MS = 40_000
const PROBE_TIMEOUT_MS = 15_000

/** Changes nothing on the node. Throws FLEET_SSH_* and FLEET_NODE_* when it cannot be asked; settles within its timers. */
export async function checkNode(node: FleetNode, plan: CheckPlan): Promise<NodeCheck> {
  const { clock, config } = plan
  const startedMs = clock.monotonicMs()
  return withConnection(plan.transport, node, async (connection) => {
    const connectMs = clock.monotonicMs() - startedMs
    const sentMs = clock.nowMs()
    const answer = await run(connection, factsCommand(node.base, TOOLS), { timeoutMs: FACTS_TIMEOUT_MS })
    const facts = parseFacts(answer.stdout)
    const observation: Observation = {
      facts,
      noise: answer.noise.stdout,
      clock: clockOffset(facts.clock, sentMs, clock.nowMs()),
      dispatcher: plan.hasJob ? await probe(connection, node, config, facts) : undefined,
      hashed: plan.isDeep && plan.hasJob ? await hashTrees(connection, node.base) : undefined,
      notes: notesOf(node.target),
    }
    const wants: Wants = {
      hasJob: plan.hasJob,
      slots: node.slots,
      keeper: config.worker.keeper,
      needsCurl: plan.hasJob && config.worker.kind === 'exec',
      perEndpoint: config.ssh.perEndpoint,
      isDispatcherUp: plan.isDispatcherUp,
    }
    return { ...observation, findings: findingsOf(observation, wants), connectMs, connection: connection.facts }
  })
}

async function probe(
  connection: Connection,
  node: FleetNode,
  config: FleetConfig,
  facts: NodeFacts,
): Promise<Observation['dispatcher']> {
  // Where neither fleet.yml nor the node says which address it is, start would say so.
  if (config.dispatcher.url === undefined && facts.controlAddress === '') return undefined
  const url = urlForNode(config, facts.controlAddress).replace(/\/+$/, '')
  try {
    const { stdout } = await run(connection, probeCommand(node.base, url), { timeoutMs: PROBE_TIMEOUT_MS })
    return { url, outcome: parseProbe(stdout) }
  } catch (error) {
    // What the node said before stays worth telling.
    return { url, outcome: { kind: 'failed', code: toFleetError(error).code, message: messageOf(error) } }
  }
}

/** Of the node and of every hop on the way. */
function notesOf(target: FleetNode['target']): readonly string[] {
  return [...(target.notes ?? []), ...(target.via === undefined ? [] : notesOf(target.via))]
}
