// `fleet status --json`: the same facts as the table, in a shape that other programs rely on.
import type { FleetStatus } from '../../fleet/index.ts'
import { errorJson } from './errors.ts'

export function statusJson(status: FleetStatus): object {
  const { dispatcher } = status
  return {
    schema: 'fleet.status/1',
    job: status.job,
    dispatcher:
      'error' in dispatcher
        ? { url: dispatcher.url, error: errorJson(dispatcher.error) }
        : { url: dispatcher.url, ...dispatcher.status },
    totals: { ...status.totals, ratePerMin: undefined, rate_per_min: status.totals.ratePerMin },
    nodes: status.nodes.map(({ error, ratePerMin, ...node }) => ({
      ...node,
      rate_per_min: ratePerMin,
      ...(error === undefined ? {} : { error: errorJson(error) }),
    })),
  }
}
