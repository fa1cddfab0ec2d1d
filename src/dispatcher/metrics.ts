// Prometheus text exposition (format 0.0.4), written by hand: a dozen numbers need no library. Labels are bounded by the protocol,
// never by what a client sends.
import type { LedgerStatus } from '../ledger/index.ts'
import type { Desk } from './desk.ts'

type Samples = readonly (readonly [labels: string, value: number])[]

export function metricsText(desk: Desk, status: LedgerStatus): string {
  const { tally } = desk
  const { pending, leased, done, parked } = status.ids
  return [
    family('fleet_ids', 'gauge', 'IDs in the ledger, by state.', [
      ['{state="pending"}', pending],
      ['{state="leased"}', leased],
      ['{state="done"}', done],
      ['{state="parked"}', parked],
    ]),
    family(
      'fleet_leases_granted_total',
      'counter',
      'Leases handed out since this process started, repeated answers included.',
      [['', tally.leases]],
    ),
    family('fleet_renewals_total', 'counter', 'Leases renewed since this process started.', [['', tally.renewals]]),
    family('fleet_settlements_total', 'counter', 'Leases ended since this process started, by how.', [
      ['{outcome="completed"}', tally.completed],
      ['{outcome="failed"}', tally.failed],
      ['{outcome="released"}', tally.released],
      ['{outcome="expired"}', tally.expired],
    ]),
    family(
      'fleet_refused_stale_total',
      'counter',
      'Calls refused since this process started because their fence was not valid.',
      [['', tally.stale]],
    ),
    family(
      'fleet_import_lines_total',
      'counter',
      'Lines imported since this process started, by what became of them.',
      [
        ['{result="added"}', tally.added],
        ['{result="duplicate"}', tally.duplicates],
        ['{result="rejected"}', tally.rejected],
      ],
    ),
    family('fleet_waiting_workers', 'gauge', 'Workers in a long poll for an ID.', [['', desk.leases.waiters]]),
    family('fleet_paused', 'gauge', '1 while paused by an operator.', [['', status.paused ? 1 : 0]]),
    family('fleet_ids_done_per_minute', 'gauge', 'IDs done over the last minute.', [['', tally.done.perMinute()]]),
    family('fleet_ledger_errors_total', 'counter', 'Calls to the ledger that failed since this process started.', [
      ['', desk.ledger.errors],
    ]),
    family('fleet_uptime_seconds', 'gauge', 'Seconds since this process started.', [
      ['', Math.round((desk.clock.monotonicMs() - desk.startedMs) / 1000)],
    ]),
  ].join('')
}

function family(name: string, type: 'counter' | 'gauge', help: string, samples: Samples): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map(([labels, value]) => `${name}${labels} ${value}\n`).join('')}`
}
