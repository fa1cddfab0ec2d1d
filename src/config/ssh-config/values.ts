// What the words of ssh_config mean as values.
import { isAbsolute, join } from 'node:path'
import { parseSeconds } from './seconds.ts'

/** Longer waits help nobody, and a timer of Node.js overflows at 2^31 ms. */
const LONGEST_TIMEOUT_MS = 3_600_000

/** OpenSSH leaves relative paths to the folder that it is called from. */
export function absolute(path: string): string {
  return isAbsolute(path) ? path : join(process.cwd(), path)
}

export function agentOf(
  text: string,
  machine: {
    readonly agent: string | undefined
    readonly environment: Readonly<Record<string, string | undefined>>
  },
  path: (text: string) => string,
): string | undefined {
  if (text === 'none') return undefined
  if (text === 'SSH_AUTH_SOCK') return machine.agent
  const variable = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(text)?.[1]
  const socket = variable === undefined ? path(text) : machine.environment[variable]
  return socket === undefined || socket === '' ? undefined : absolute(socket)
}

export function acceptsNew(value = ''): boolean {
  return /^(?:accept-new|no|false|off)$/i.test(value)
}

export function isYes(value = ''): boolean {
  return /^(?:yes|true)$/i.test(value)
}

export function timeoutMs(value: string): number | undefined {
  const seconds = parseSeconds(value)
  return seconds === undefined || seconds === 0 ? undefined : Math.min(seconds * 1000, LONGEST_TIMEOUT_MS)
}
