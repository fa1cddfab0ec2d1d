// How a roll-out goes, as the command line says it. Everything is checked before any node is reached.
import { limitNodes } from '../config/index.ts'
import { FleetError, parseDuration, type NodeName } from '../core/index.ts'
import { cutBatches, parseBatches, parseMaxFail, type FleetNode } from '../fleet/index.ts'
import type { Context } from './context.ts'
import { inventoryOf, type NodeOptions } from './options.ts'
import { hasTerminal } from './terminal/silent-terminal.ts'

/** Of all commands that change nodes. */
export interface BatchOptions extends NodeOptions {
  readonly batch?: string
  readonly maxFail?: string
}

export interface RollOutOptions extends BatchOptions {
  readonly canary?: readonly string[]
  readonly pause?: string
  readonly ask?: boolean
  readonly restart?: boolean
  readonly timeout: string
  readonly autoRollback?: boolean
}

export interface BatchChoice {
  /** Cuts those nodes that are to be changed; percents are of all nodes of the command. */
  readonly batchesOf: (nodes: readonly FleetNode[]) => readonly (readonly FleetNode[])[]
  /** Infinity: every node is attempted. */
  readonly maxFail: number
}

export interface RollOutChoice extends BatchChoice {
  /** Between batches. Milliseconds. */
  readonly pauseMs: number
  readonly ask: boolean
  readonly restart: boolean
  /** For running IDs to be finished. Milliseconds. */
  readonly drainMs: number
  readonly autoRollback: boolean
}

export function readRollOut(options: RollOutOptions, { config, nodes }: Context): RollOutChoice {
  const { batch, ask = false, restart = false, autoRollback = false } = options
  const canaries = canariesOf(options, config, nodes)
  const isInBatches = batch !== undefined || canaries.size > 0
  if (options.pause !== undefined) refuseUnless(isInBatches, '--pause', 'with --batch or --canary')
  if (ask) {
    refuseUnless(isInBatches, '--ask', 'with --batch or --canary')
    if (!hasTerminal()) {
      throw new FleetError('FLEET_CLI_NO_TERMINAL', 'expected a terminal to ask on between batches; there is none', {
        remedy: 'run it in the foreground of a terminal, or use --pause instead of --ask',
      })
    }
  }
  if (autoRollback)
    refuseUnless(
      restart || config.release.check !== undefined,
      '--auto-rollback',
      'with release.check in fleet.yml, or with --restart',
    )
  return {
    ...readBatches(options, nodes, { canaries, isCareful: canaries.size > 0 || autoRollback }),
    pauseMs: options.pause === undefined ? 0 : parseDuration(options.pause),
    ask,
    restart,
    drainMs: parseDuration(options.timeout),
    autoRollback,
  }
}

/** `canaries` are the first batch. `isCareful`: no failure is borne unless --max-fail says so, as with --batch. */
export function readBatches(
  { batch, maxFail }: BatchOptions,
  nodes: readonly FleetNode[],
  {
    canaries = new Set(),
    isCareful = false,
  }: { readonly canaries?: ReadonlySet<NodeName>; readonly isCareful?: boolean } = {},
): BatchChoice {
  const all = nodes.length
  const sizesOf = (left: number): readonly number[] => (batch === undefined ? [left] : parseBatches(batch, left, all))
  // A usage error, before anything is done.
  sizesOf(all)
  const borne = isCareful || batch !== undefined ? 0 : Infinity
  return {
    batchesOf: (chosen) =>
      cutBatches(
        chosen,
        ({ node }) => canaries.has(node),
        (left) => (left === 0 ? [] : sizesOf(left)),
      ),
    maxFail: maxFail === undefined ? borne : parseMaxFail(maxFail, all),
  }
}

function canariesOf(
  options: RollOutOptions,
  config: Context['config'],
  nodes: readonly FleetNode[],
): ReadonlySet<NodeName> {
  if (options.canary === undefined || options.canary.length === 0) return new Set()
  const pattern = options.canary.join(',')
  const meant = limitNodes(inventoryOf(options, config), pattern, '--canary').nodes.map(({ node }) => node)
  const chosen = new Set(nodes.map(({ node }) => node))
  const canaries = new Set(meant.filter((node) => chosen.has(node)))
  if (canaries.size > 0) return canaries
  throw new FleetError(
    'FLEET_CLI_BAD_OPTION',
    `expected --canary ${JSON.stringify(pattern)} to name nodes of this command, but --limit leaves them out`,
  )
}

function refuseUnless(isSo: boolean, option: string, needs: string): void {
  if (!isSo) throw new FleetError('FLEET_CLI_BAD_OPTION', `expected ${option} together ${needs}`)
}
