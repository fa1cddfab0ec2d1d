// Durations and sizes as people write them: `30s`, `5m`, `1h30m`, `20MiB`. Numbers inside the product carry their unit in their name.
import { FleetError } from './fleet-error.ts'

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g

/** `30s`, `1h30m`, `250ms`, or `0`, as milliseconds. A bare number other than 0 is refused: its unit would be a guess. */
export function parseDuration(text: string): number {
  if (text === '0') return 0
  if (!DURATION.test(text)) {
    throw new FleetError(
      'FLEET_CORE_BAD_DURATION',
      `expected a duration such as 30s, 5m or 1h30m, got ${JSON.stringify(text.slice(0, 100))}`,
    )
  }
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(PART)) totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN)
  if (Number.isSafeInteger(Math.round(totalMs))) return Math.round(totalMs)
  throw new FleetError(
    'FLEET_CORE_BAD_DURATION',
    `expected a duration of less than 285,000 years, got ${JSON.stringify(text.slice(0, 100))}`,
  )
}

/** Two largest units, for people: `2d 3h`, `5m 10s`, `850ms`. */
export function formatDuration(durationMs: number): string {
  if (Math.round(durationMs) < 1000) return `${Math.max(0, Math.round(durationMs))}ms`
  const parts: string[] = []
  let rest = Math.round(durationMs / 1000)
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const amount = Math.floor(rest / seconds)
    rest -= amount * seconds
    if (amount > 0) parts.push(`${amount}${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** Bytes for people, binary units with one decimal: `4.2 MiB`. */
export function formatSize(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = sizeBytes
  let index = 0
  // What would be shown as 1024.0 of a unit is 1.0 of the next.
  while (value >= (index === 0 ? 1024 : 1023.95) && index < units.length - 1) {
    value /= 1024
    index += 1
  }
  return `${index === 0 ? value : value.toFixed(1)} ${units[index] ?? ''}`
}
