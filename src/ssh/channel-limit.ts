// How many commands at once a server bears on one connection. Eight, as sshd takes ten by default (MaxSessions); one where the server is
// known to break with more. Pure.

export const MAX_CHANNELS = 8

/** Dropbear 2022.82 to 2024.85 (mkj/dropbear#321, #173): whenever a command ends, it closes every channel whose command is still on its way, runs that all the same, and may then fail an assertion and drop the connection. */
const FIRST_BROKEN = 2022_82
const FIRST_MENDED = 2024_86

/** `greeting`: for example `SSH-2.0-dropbear_2022.83`. */
export function channelLimit(greeting: string): number {
  const [, year, release] = /^SSH-2\.0-dropbear_(\d{4})\.(\d{2})\b/.exec(greeting) ?? []
  if (year === undefined || release === undefined) return MAX_CHANNELS
  const version = Number(year + release)
  return version >= FIRST_BROKEN && version < FIRST_MENDED ? 1 : MAX_CHANNELS
}
