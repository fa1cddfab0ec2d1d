// Figures as a table for people, with the machine that they come from.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import type { Figure } from './figure.ts'

const TITLES = ['FIGURE', 'OURS', 'UNIT', 'PEERS', 'RATIO', 'GOAL', 'OK']

export function tableOf(figures: readonly Figure[]): string {
  const rows = [TITLES, ...figures.map(rowOf)]
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const notes = figures.flatMap(({ figure, note }) => (note === undefined ? [] : [`${figure}: ${note}`]))
  return [...lines, ...notes].map((line) => `${line}\n`).join('')
}

/** One line: processor, memory, kernel, Node, load. */
export function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memoryGib = Math.round(totalmem() / 2 ** 30)
  return `machine: ${availableParallelism()} cores (${model}), ${memoryGib} GiB, ${distribution()}, Linux ${release()}, Node ${process.version}, load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`
}

function rowOf({ figure, ours, unit, peers, ratio, goal, ok }: Figure): string[] {
  const beside = Object.entries(peers).map(([name, value]) => `${name} ${value}`)
  return [figure, String(ours ?? '-'), unit, beside.join(', ') || '-', String(ratio ?? '-'), goal, ok ? 'yes' : 'NO']
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown distribution'
  } catch {
    return 'unknown distribution'
  }
}
