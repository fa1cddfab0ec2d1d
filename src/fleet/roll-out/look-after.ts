// What happens to a batch once its nodes run another release: their slots are restarted, their health is checked, and what did not do
// well goes back. What always holds: each node that was switched has a result that says which release is current there.
import { toFleetError, type Digest, type JobName, type NodeName } from '../../core/index.ts'
import { releaseCheckCommand, releaseCheckOutcome, switchCommand, type Claim } from '../../node/index.ts'
import type { Transport } from '../../ssh/index.ts'
import { run, withConnection, type FleetNode } from '../fleet-node.ts'
import { forEachNode, type NodeResult } from '../node-result.ts'
import { restartNode, type RestartPlan } from '../restart.ts'
import { broken, switchedBack, unhealthy, withReturn, type Return } from './unhealthy.ts'
import type { BatchVerdict } from './roll-out.ts'

/** What a node says after it was switched. */
export interface Switched {
  readonly release: Digest
  /** What was current before; empty when there was nothing. */
  readonly previous: string
}

/** What was done besides. */
export interface LookedAfter {
  /** Slots that were restarted. */
  readonly restarted?: number
  readonly checked?: true
}

export interface AfterPlan {
  readonly job: JobName
  readonly transport: Transport
  readonly parallel: number
  /** The claim as that node proves it now: it may have been rebooted. */
  readonly claimOf: (node: NodeName) => Promise<Claim>
  readonly restart: Pick<RestartPlan, 'clock' | 'drainMs' | 'supervisorsMs'> | undefined
  readonly check: { readonly command: readonly string[]; readonly timeoutMs: number } | undefined
  readonly autoRollback: boolean
  /** For the switch back. */
  readonly keep: number
  readonly signal: AbortSignal
  readonly step: (node: NodeName, what: string) => void
}

/** Errors after which a release is taken back: it does not run, or says itself that it is not well. */
const SICK = new Set(['FLEET_ROLLOUT_UNHEALTHY', 'FLEET_NODE_NOT_STARTED'])
/** For a check to be ended, and its end to be heard. */
const CHECK_MARGIN_MS = 15_000

/** `results` of one batch; those that failed already are left as they are. */
export async function lookAfter<Value extends Switched>(
  nodes: readonly FleetNode[],
  results: readonly NodeResult<Value>[],
  isStopping: (failed: number) => boolean,
  plan: AfterPlan,
): Promise<BatchVerdict<Value & LookedAfter>> {
  const nodeOf = new Map(nodes.map((node) => [node.node, node]))
  const now = new Map<NodeName, NodeResult<Value & LookedAfter>>(results.map((result) => [result.node, result]))
  const wellNodes = (): readonly SwitchedNode<Value & LookedAfter>[] =>
    [...now.values()].flatMap((result) => {
      const node = nodeOf.get(result.node)
      return result.ok && node !== undefined ? [{ ...node, value: result.value }] : []
    })
  const put = (changed: readonly NodeResult<Value & LookedAfter>[]): void => {
    for (const result of changed) now.set(result.node, result)
  }

  const switched = wellNodes()
  // Draining is waiting: nodes drain side by side unless serial work was asked for.
  const drains = plan.parallel === 1 ? 1 : switched.length
  if (plan.restart !== undefined) put(await forEachNode(switched, drains, (node) => restart(node, plan)))
  if (plan.check !== undefined) put(await forEachNode(wellNodes(), plan.parallel, (node) => check(node, plan)))

  const sick = [...now.values()].flatMap((result) => (!result.ok && SICK.has(result.error.code) ? [result.node] : []))
  // What is taken back for the sake of others has not failed itself.
  const failed = [...now.values()].filter(({ ok }) => !ok).length
  if (plan.autoRollback && sick.length > 0) {
    const returning = isStopping(failed) ? switched : switched.filter(({ node }) => sick.includes(node))
    const returns = await forEachNode(returning, drains, (node) => goBack(node, plan))
    for (const [index, { node, value }] of returning.entries()) {
      const outcome = returns[index]
      const before = now.get(node)
      if (outcome === undefined || before === undefined) continue
      const after: Return = outcome.ok ? outcome.value : { kind: 'stuck', error: outcome.error }
      if (!before.ok) now.set(node, { node, ok: false, error: withReturn(before.error, value.release, after) })
      else if (after.kind !== 'same' && after.kind !== 'first')
        now.set(node, { node, ok: false, error: switchedBack(value.release, after, sick) })
    }
  }
  return { results: results.map((result) => now.get(result.node) ?? result), failed }
}

type SwitchedNode<Value> = FleetNode & { readonly value: Value }

async function restart<Value extends Switched>(
  node: SwitchedNode<Value>,
  plan: AfterPlan,
): Promise<Value & LookedAfter> {
  const { signal } = plan
  if (signal.aborted) throw broken(node.value.release, ['its slots were restarted'])
  const restarted = await restartSlots(node, plan, signal)
  return { ...node.value, restarted }
}

async function restartSlots(node: FleetNode, plan: AfterPlan, signal: AbortSignal | undefined): Promise<number> {
  if (plan.restart === undefined) return 0
  return restartNode(node, {
    ...plan.restart,
    transport: plan.transport,
    claim: () => plan.claimOf(node.node),
    step: (what) => {
      plan.step(node.node, what)
    },
    ...(signal === undefined ? {} : { signal }),
  })
}

async function check<Value extends Switched & LookedAfter>(
  node: SwitchedNode<Value>,
  plan: AfterPlan,
): Promise<Value & LookedAfter> {
  const { check: wanted, signal } = plan
  const { value } = node
  if (wanted === undefined) return value
  if (signal.aborted) throw broken(value.release, ['its check'])
  plan.step(node.node, 'checking')
  const command = releaseCheckCommand(node.base, { ...wanted, job: plan.job, node: node.node, release: value.release })
  const limitMs = wanted.timeoutMs + CHECK_MARGIN_MS
  const ended = await withConnection(plan.transport, node, (connection) =>
    run(connection, command, { signal, stallMs: 0, timeoutMs: limitMs }),
  ).catch((error: unknown) => {
    if (signal.aborted) throw broken(value.release, ['its check'])
    // It was ended there; what it left behind still holds the line.
    if (toFleetError(error).code === 'FLEET_SSH_TIMEOUT') return undefined
    throw error
  })
  const outcome = ended === undefined ? ({ kind: 'late', output: '' } as const) : releaseCheckOutcome(ended)
  if (outcome.kind !== 'healthy') throw unhealthy(value.release, outcome)
  return { ...value, checked: true }
}

/** Also after an interruption: a node that was begun is brought to an end. */
async function goBack<Value extends Switched>(node: SwitchedNode<Value>, plan: AfterPlan): Promise<Return> {
  const { release, previous } = node.value
  if (previous === release) return { kind: 'same' }
  if (previous === '') return { kind: 'first' }
  plan.step(node.node, `switching back to ${previous.slice(0, 12)}`)
  const claim = await plan.claimOf(node.node)
  const command = switchCommand(node.base, { release: previous as Digest, keep: plan.keep, claim })
  await withConnection(plan.transport, node, (connection) => run(connection, command))
  try {
    await restartSlots(node, plan, undefined)
    return { kind: 'back', to: previous }
  } catch (error) {
    return { kind: 'back', to: previous, restartError: toFleetError(error) }
  }
}
