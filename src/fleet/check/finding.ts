// What may be wrong with a node, as data. Equal findings of many nodes are told once, so a message holds nothing that
// differs from node to node without need.
import type { KeeperChoice } from '../../config/index.ts'
import type { NodeFacts, ProbeOutcome } from '../../node/index.ts'
import type { HashedTree } from './hashed-trees.ts'

/** `error`: the job cannot work there. `warning`: it can, and something will hurt. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note'

export interface Finding {
  readonly severity: Severity
  /** What it is about, one or two words. */
  readonly subject: string
  readonly message: string
  /** What to do, one imperative sentence. */
  readonly remedy: string
}

/** Everything that one connection told. */
export interface Observation {
  readonly facts: NodeFacts
  /** What the login shell printed before our command did. */
  readonly noise: string
  readonly clock: ClockOffset | undefined
  /** Undefined: not asked, as there is no job. */
  readonly dispatcher: { readonly url: string; readonly outcome: ProbeOutcome } | undefined
  /** Undefined: not asked for. */
  readonly hashed: readonly HashedTree[] | undefined
  /** What the operator's ssh_config asks for this node, and fleet cannot do. */
  readonly notes: readonly string[]
}

/** How far the node's clock is ahead of ours, and by how much that may be wrong. Milliseconds; `doubtMs` is not negative. */
export interface ClockOffset {
  readonly offsetMs: number
  readonly doubtMs: number
}

/** What the job needs of a node. */
export interface Wants {
  /** False without a fleet.yml: then the rest are defaults. */
  readonly hasJob: boolean
  readonly slots: number
  readonly keeper: KeeperChoice
  /** Workers of kind `exec` fetch their IDs with it. */
  readonly needsCurl: boolean
  /** Handshakes that fleet has in flight with one sshd. */
  readonly perEndpoint: number
  /** Does the dispatcher answer on the control machine? Undefined: it is elsewhere. */
  readonly isDispatcherUp: boolean | undefined
}
