// The one table about everything: a row per node, a line of totals, a line about the dispatcher.
import { formatDuration } from '../../core/index.ts'
import type { FleetStatus, NodeRow } from '../../fleet/index.ts'
import type { DispatcherStatus } from '../../protocol/index.ts'
import type { Output } from './output.ts'
import { count, table, type Column } from './table.ts'

export interface Window {
  readonly deadline: string | undefined
  readonly nowMs: number
}

const COLUMNS: readonly Column[] = [
  { title: 'NODE' },
  { title: 'STATE' },
  { title: 'SLOTS', align: 'right' },
  { title: 'SUPERVISORS' },
  { title: 'RELEASE' },
  { title: 'KEEPER' },
  { title: 'RESTARTS', align: 'right' },
  { title: 'DONE', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'RATE', align: 'right' },
]

/** `window`: when the work has to be done (RFC 3339), and what time it is. */
export function statusLines(status: FleetStatus, style: Output['style'], window?: Window): string[] {
  const rows = status.nodes.map((node) => cells(node, style))
  const { totals } = status
  const total = [
    'TOTAL',
    `${status.nodes.filter((node) => node.state === 'up').length} up`,
    slotCell(totals.slots),
    supervisors(totals.slots, style),
    '',
    '',
    count(totals.restarts),
    count(totals.done),
    count(totals.failed),
    rate(totals.ratePerMin),
  ]
  const [head = '', ...body] = table(COLUMNS, [...rows, total])
  const last = body.pop() ?? ''
  return [
    style('dim', head),
    ...body,
    style('bold', last),
    dispatcherText(status.dispatcher, style) + deadlineText(status, style, window),
    ...('error' in status.dispatcher ? [] : [idsText(status.dispatcher.status.ids)]),
  ]
}

export function dispatcherText(dispatcher: FleetStatus['dispatcher'], style: Output['style']): string {
  if ('error' in dispatcher) return `${style('red', 'dispatcher')} ${dispatcher.url} · ${dispatcher.error.message}`
  const { state, eta, stale_calls: stale } = dispatcher.status
  const parts = [
    `dispatcher ${dispatcher.url}`,
    style(state === 'paused' ? 'yellow' : 'green', state),
    rate(dispatcher.status.rate),
    ...(eta === null || eta === 0 ? [] : [`eta ${formatDuration(eta * 1000)}`]),
    ...(stale === 0 ? [] : [`${count(stale)} stale calls refused`]),
  ]
  return parts.join(' · ')
}

/** Every ID is in exactly one of the four states. */
export function idsText(ids: DispatcherStatus['ids']): string {
  const { imported, pending, leased, done, parked } = ids
  return `${count(imported)} imported = ${count(pending)} pending + ${count(leased)} leased + ${count(done)} done + ${count(parked)} parked`
}

function cells(node: NodeRow, style: Output['style']): string[] {
  const hasProblem = node.error !== undefined || node.slots.blocked + node.slots.misconfigured + node.slots.unknown > 0
  return [
    hasProblem ? style('red', node.node) : node.node,
    node.state === 'up'
      ? style('green', node.state)
      : style(node.state === 'unreachable' ? 'red' : 'yellow', node.state),
    slotCell(node.slots),
    node.error === undefined ? supervisors(node.slots, style) : node.error.code,
    releaseCell(node, style),
    node.keeper,
    count(node.restarts),
    count(node.done),
    count(node.failed),
    rate(node.ratePerMin),
  ]
}

/** What is current, and how many workers were started from another release. */
function releaseCell({ release, releases }: NodeRow, style: Output['style']): string {
  const alive = Object.values(releases).reduce((sum, workers) => sum + workers, 0)
  const others = Object.entries(releases).filter(([digest]) => digest !== release)
  if (others.length === 0) return release.slice(0, 12)
  const told = others.map(([digest, workers], index) => {
    return `${workers}${index === 0 ? ` of ${alive}` : ''} on ${digest.slice(0, 12)}`
  })
  return `${release.slice(0, 12)} ${style('yellow', `(${told.join(', ')})`)}`
}

/** Seats with a worker in them / seats wanted. */
function slotCell(slots: NodeRow['slots']): string {
  return `${slots.running + slots.adopted}/${slots.wanted}`
}

function supervisors(slots: NodeRow['slots'], style: Output['style']): string {
  const parts: string[] = []
  for (const [state, number] of Object.entries(slots)) {
    if (state === 'wanted' || number === 0) continue
    const text = `${number} ${state}`
    parts.push(
      state === 'running' || state === 'finished'
        ? text
        : style(state === 'blocked' || state === 'misconfigured' ? 'red' : 'yellow', text),
    )
  }
  return parts.length === 0 ? '-' : parts.join(', ')
}

function rate(perMin: number): string {
  return `${count(Math.round(perMin))}/min`
}

/** Whether the estimate keeps the deadline; nothing when either is not known. */
function deadlineText({ dispatcher }: FleetStatus, style: Output['style'], window: Window | undefined): string {
  if (window?.deadline === undefined || 'error' in dispatcher || !dispatcher.status.eta) return ''
  const leftMs = Date.parse(window.deadline) - window.nowMs - dispatcher.status.eta * 1000
  const margin = formatDuration(Math.abs(leftMs))
  return leftMs < 0 ? ` · ${style('red', `${margin} after the deadline`)}` : ` · ${margin} before the deadline`
}
