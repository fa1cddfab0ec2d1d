// Progress as text: a line for each node at work and one about all of them. Pure.
import type { Size } from './live-picture.ts'
import { printable } from './printable.ts'
import type { ProgressView, RunningNode } from './progress-model.ts'

/** As many lines as fit above an empty one, none wider than the terminal; the last is `totalLine`. `verb` is what is done to a node. */
export function progressLines(view: ProgressView, verb: string, { columns, rows }: Size): string[] {
  const room = Math.max(0, rows - 2)
  const { running } = view
  const shown = running.length <= room ? running : running.slice(0, Math.max(0, room - 1))
  const nameWidth = Math.max(0, ...shown.map(({ node }) => node.length))
  const hidden = running.length - shown.length
  const lines = [
    ...shown.map((node) => nodeLine(node, verb, nameWidth)),
    ...(hidden > 0 && room > 0 ? [`... and ${hidden} more`] : []),
    totalLine(view),
  ]
  return lines.map((line) => cut(line, columns - 1))
}

/** `3 of 50 done, 1 failed · 1.2 of 2.4 GiB · 310 MiB/s · 0:04 left`, as far as there is something to say. */
export function totalLine({ done, failed, nodes, sentBytes, ofBytes, bytesPerS, leftMs }: ProgressView): string {
  return [
    `${done} of ${nodes} done${failed === 0 ? '' : `, ${failed} failed`}`,
    ...(ofBytes === 0 ? [] : [shareOf(sentBytes, ofBytes)]),
    ...(bytesPerS === undefined || sentBytes >= ofBytes ? [] : [rateOf(bytesPerS)]),
    ...(leftMs === undefined ? [] : [`${clockTime(leftMs)} left`]),
  ].join(' · ')
}

function nodeLine({ node, step, sentBytes, ofBytes }: RunningNode, verb: string, nameWidth: number): string {
  const what = step === '' ? verb : oneLine(step)
  return `${node.padEnd(nameWidth)}  ${what}${sentBytes < ofBytes ? `  ${shareOf(sentBytes, ofBytes)}` : ''}`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `12.0 of 50.0 MiB`: both in the unit of the larger one, so that the eye can compare. */
function shareOf(bytes: number, ofBytes: number): string {
  const { unit, of } = unitFor(ofBytes)
  const digits = unit === 'B' ? 0 : 1
  return `${(bytes / of).toFixed(digits)} of ${(ofBytes / of).toFixed(digits)} ${unit}`
}

/** `310 MiB/s`, `4.2 MiB/s`. */
function rateOf(bytesPerS: number): string {
  const { unit, of } = unitFor(bytesPerS)
  const value = bytesPerS / of
  return `${value.toFixed(unit === 'B' || value >= 99.95 ? 0 : 1)} ${unit}/s`
}

/** What would be shown as 1024.0 of a unit is 1.0 of the next. */
function unitFor(bytes: number): { unit: string; of: number } {
  let index = 0
  while (index < UNITS.length - 1 && bytes / 1024 ** index >= (index === 0 ? 1023.5 : 1023.95)) index += 1
  return { unit: UNITS[index] ?? 'B', of: 1024 ** index }
}

/** `0:04`, `12:03`, `1:02:03`; rounded up, as nothing that goes on takes 0:00. */
function clockTime(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  const two = (value: number): string => String(Math.floor(value) % 60).padStart(2, '0')
  return seconds < 3600
    ? `${Math.floor(seconds / 60)}:${two(seconds)}`
    : `${Math.floor(seconds / 3600)}:${two(seconds / 60)}:${two(seconds)}`
}

function oneLine(text: string): string {
  return printable(Buffer.from(text.replaceAll(/\s+/g, ' ')), true).toString()
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`
}
