// What every format of inventory is read into: nodes with their layers of variables. From here on the formats are one.
import { MAX_NAMES } from './name-range.ts'
import type { Layer } from './node-layers.ts'
import type { Place, Problem } from './problem.ts'

/** A node may be in many groups; a file that multiplies beyond this is a mistake or an attack. */
export const MAX_MEMBERSHIPS = 10 * MAX_NAMES

export interface OutlineNode {
  /** A valid name of a node, and no other node has it. */
  readonly name: string
  /** All groups that it is in, also by way of others, weakest first. */
  readonly groups: readonly string[]
  /** Weakest first. */
  readonly layers: readonly Layer[]
  /** Where the name was written first. */
  readonly place: () => Place
}

export interface Outline {
  readonly nodes: readonly OutlineNode[]
  /** All groups, also those without nodes; `all` is not one of them. */
  readonly groups: readonly string[]
  /** When there are some, `nodes` may lack those that they are about. */
  readonly problems: readonly Problem[]
  readonly notes: readonly string[]
}

/** Makes the problem of the node with this index, at the place where its name stands. */
export type ProblemOf = (index: number, message: string) => Problem
