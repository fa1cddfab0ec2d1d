// The kinds of value that fleet.yml and inventories are made of. Every message is what was expected, and nothing else.
import { isIP } from 'node:net'
import { z } from 'zod'
import { formatDuration, parseDuration } from '../core/index.ts'

// C0 and DEL are in a name or a path only by mistake, or to mislead whoever reads it.
// eslint-disable-next-line no-control-regex
const CONTROL_FREE = /^[^\u0000-\u001f\u007f]*$/

/** Text without control characters, 1 to 4096 characters, that matches `pattern`. */
export function text(expected: string, pattern: RegExp = CONTROL_FREE): z.ZodString {
  const error = expected
  return z.string({ error }).min(1, { error }).max(4096, { error }).regex(pattern, { error })
}

// NUL ends a text wherever programs meet (execve(2)).
// eslint-disable-next-line no-control-regex
const NUL_FREE = /^[^\u0000]*$/

/** One argument of a command; may be empty. */
export const argument = z
  .string({ error: 'text; put numbers in quotes' })
  .regex(NUL_FREE, { error: 'an argument without NUL' })

/** A whole number in [from, to]. */
export function wholeNumber(from: number, to: number): z.ZodInt {
  const error = `a whole number from ${from} to ${to}`
  return z.int({ error }).min(from, { error }).max(to, { error })
}

/** A mapping with exactly the keys of `shape`. */
export function mapping<Shape extends z.core.$ZodShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, { error: 'a mapping' })
}

/** A list of `item`s, none of them twice. */
export function listOf<Item extends z.ZodString>(item: Item, expected: string): z.ZodArray<Item> {
  return z
    .array(item, { error: expected })
    .refine((items) => new Set(items).size === items.length, { error: `${expected}, none of them twice` })
}

/** A duration in [fromMs, toMs], as `parseDuration` reads it, or the number 0 where 0 is in range. */
export function duration(fromMs: number, toMs: number): z.ZodUnion<readonly [z.ZodLiteral<0>, z.ZodString]> {
  const error = `a duration such as 30s, 5m or 1h30m, from ${fromMs === 0 ? '0' : shortDuration(fromMs)} to ${shortDuration(toMs)}`
  const inRange = (value: 0 | string): boolean => {
    const durationMs = tryDuration(String(value))
    return durationMs !== undefined && durationMs >= fromMs && durationMs <= toMs
  }
  return z.union([z.literal(0), z.string()], { error }).refine(inRange, { error })
}

/** POSIX environment variable names (XBD 8.1). `FLEET_` belongs to the product. */
export const variableName = text(
  'a variable name such as LOG_LEVEL, not starting with FLEET_',
  /^(?!FLEET_)[A-Za-z_][A-Za-z0-9_]*$/,
)

/** Values are text: what YAML would turn into a number or a boolean must be quoted, because `1.10` and `no` would not arrive as written. */
export const environment = z.record(
  variableName,
  z.string({ error: 'text; put numbers and booleans in quotes' }).regex(NUL_FREE, { error: 'text without NUL' }),
  { error: 'a mapping of variable names to text' },
)

/** A folder on the nodes that fleet may fill: absolute, or in the home of the user there; no `..` and no control characters. */
export const nodeFolder = text(
  'an absolute path, or one starting with ~/, without ".."',
  // eslint-disable-next-line no-control-regex
  /^(?!.*\/\.\.(?:\/|$))(?:~\/|\/)[^\u0000-\u001f\u007f/][^\u0000-\u001f\u007f]*$/,
)

export const listenAddress = text('ADDRESS:PORT such as 0.0.0.0:7070 or [::1]:7070').refine(
  (value) => parseListen(value) !== undefined,
  {
    error: 'ADDRESS:PORT such as 0.0.0.0:7070 or [::1]:7070',
  },
)

/** `0.0.0.0:7070`, `[::1]:0`, `localhost:7070`; undefined when it is none. */
export function parseListen(value: string): { readonly address: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(value)
  if (match === null) return undefined
  const [, ipv6, other] = match
  const port = Number(match[3])
  const address = ipv6 ?? other
  if (port > 65_535 || address === undefined) return undefined
  const looksNumeric = ipv6 === undefined && /^[\d.]+$/.test(address)
  if ((ipv6 !== undefined && isIP(ipv6) !== 6) || (looksNumeric && isIP(address) !== 4)) return undefined
  return { address, port }
}

function tryDuration(value: string): number | undefined {
  try {
    return parseDuration(value)
  } catch {
    return undefined
  }
}

function shortDuration(durationMs: number): string {
  return formatDuration(durationMs).replaceAll(' ', '')
}
