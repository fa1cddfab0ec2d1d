// What an operator proves to a node with every command that changes something there: the epoch and token that the node gave
// out when this operator took its lock.

export interface Holder {
  /** An integer from 1 that rises on this node each time its lock is taken. */
  readonly epoch: number
  /** A random name of one run of the CLI: 1 to 64 of `[A-Za-z0-9-]`. */
  readonly token: string
}

/** `unlocked` for places that have no operators: the control machine's own folder. */
export type Claim = Holder | 'unlocked'
