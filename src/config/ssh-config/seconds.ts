// Durations as sshd_config(5), TIME FORMATS, writes them.

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** `90`, `1m30`, `1h30m`, in seconds, at most 2^31 - 1; undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  if (!/^(?:\d+[smhdw]?)+$/i.test(text)) return undefined
  let sum = 0
  for (const [, count = '', unit = ''] of text.matchAll(/(\d+)([smhdw]?)/gi))
    sum += Number(count) * (UNITS[unit.toLowerCase()] ?? 1)
  return sum <= 0x7fff_ffff ? sum : undefined
}
