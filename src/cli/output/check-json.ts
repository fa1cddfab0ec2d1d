// `fleet check --json`: everything that was found, node by node, in a shape that other programs rely on.
import type { NodeCheck, NodeResult } from '../../fleet/index.ts'
import { isBad } from './check-problems.ts'
import { errorJson } from './errors.ts'

export function checkJson(results: readonly NodeResult<NodeCheck>[], notes: readonly string[]): object {
  return {
    schema: 'fleet.check/1',
    notes,
    nodes: results.map((result) =>
      result.ok
        ? { node: result.node, ok: !isBad(result), ...nodeJson(result.value) }
        : { node: result.node, ok: false, error: errorJson(result.error) },
    ),
  }
}

function nodeJson({ facts, noise, clock, dispatcher, hashed, connectMs, connection, findings }: NodeCheck): object {
  return {
    facts: {
      ...(snakeKeys({ ...facts, clock: undefined }) as object),
      clock: undefined,
      clock_offset_ms: clock === undefined ? null : Math.round(clock.offsetMs),
      clock_doubt_ms: clock === undefined ? null : Math.round(clock.doubtMs),
      login_noise: noise,
      dispatcher: dispatcher === undefined ? null : { url: dispatcher.url, ...dispatcher.outcome },
      connection: connection === undefined ? null : snakeKeys({ ...connection, phases: undefined }),
    },
    findings,
    ...(hashed === undefined ? {} : { hashed: snakeKeys(hashed) }),
    phases: { total_ms: Math.round(connectMs), ...(snakeKeys(rounded(connection?.phases ?? {})) as object) },
  }
}

/** Names as JSON has them everywhere in fleet. What is unknown is null, what is unlimited says so. */
function snakeKeys(value: unknown): unknown {
  if (value === Infinity) return 'unlimited'
  if (Array.isArray(value)) return value.map(snakeKeys)
  if (typeof value !== 'object' || value === null) return value ?? null
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'phases')
      .map(([key, inner]) => [key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), snakeKeys(inner)]),
  )
}

function rounded(phases: Readonly<Record<string, number>>): object {
  return Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, Math.round(ms)]))
}
