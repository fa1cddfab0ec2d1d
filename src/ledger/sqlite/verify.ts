// Recounts everything and compares it with the counters and with itself. Each check is one query that must count 0; its name is the difference
// that is reported. O(IDs + attempts): about 1 s for a million IDs, during which nothing else is answered.
import { integer, onlyRow, text } from './row.ts'
import type { Store } from './store.ts'

/** The differences, empty when all is well. */
export function prepareVerify(store: Store): () => readonly string[] {
  return () => [...structure(store), ...totals(store), ...nodes(store), ...tables(store)]
}

function structure({ database }: Store): readonly string[] {
  const rows = database.prepare('PRAGMA quick_check(5)').all()
  return rows.map((row) => text(row, 'quick_check')).flatMap((line) => (line === 'ok' ? [] : [`file: ${line}`]))
}

function totals({ database }: Store): readonly string[] {
  const counted = onlyRow(
    database.prepare(`SELECT count(*) FILTER (WHERE state = 0) AS pending, count(*) FILTER (WHERE state = 1) AS leased,
      count(*) FILTER (WHERE state = 2) AS done, count(*) FILTER (WHERE state = 3) AS parked FROM item`),
  )
  const noted = onlyRow(database.prepare('SELECT pending, leased, done, parked FROM ledger'))
  return ['pending', 'leased', 'done', 'parked'].flatMap((state) =>
    difference(`IDs ${state}`, integer(noted, state), integer(counted, state)),
  )
}

function nodes({ database }: Store): readonly string[] {
  const rows = database
    .prepare(
      `WITH counted (name, leased, done, failures, crashes) AS (
         SELECT name, sum(leased), sum(done), sum(failures), sum(crashes) FROM (
           SELECT substr(slot, 1, instr(slot, '/') - 1) AS name, 0 AS leased, outcome = 0 AS done, outcome = 1 AS failures, outcome IN (3, 4) AS crashes FROM attempt
           UNION ALL SELECT substr(slot, 1, instr(slot, '/') - 1), 1, 0, 0, 0 FROM lease) GROUP BY name)
       SELECT name, 'leased' AS what, ifnull(node.leased, 0) AS noted, ifnull(counted.leased, 0) AS counted FROM counted FULL JOIN node USING (name)
       UNION ALL SELECT name, 'done', ifnull(node.done, 0), ifnull(counted.done, 0) FROM counted FULL JOIN node USING (name)
       UNION ALL SELECT name, 'failures', ifnull(node.failures, 0), ifnull(counted.failures, 0) FROM counted FULL JOIN node USING (name)
       UNION ALL SELECT name, 'crashes', ifnull(node.crashes, 0), ifnull(counted.crashes, 0) FROM counted FULL JOIN node USING (name)`,
    )
    .all()
  return rows.flatMap((row) =>
    difference(`node ${text(row, 'name')} ${text(row, 'what')}`, integer(row, 'noted'), integer(row, 'counted')),
  )
}

const MUST_BE_NONE: Readonly<Record<string, string>> = {
  'leased IDs without their lease':
    'SELECT count(*) FROM item WHERE state = 1 AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.fence = item.fence AND lease.seq = item.seq)',
  'leases of IDs that are not leased':
    'SELECT count(*) FROM lease WHERE NOT EXISTS (SELECT 1 FROM item WHERE item.seq = lease.seq AND item.state = 1)',
  'pending IDs that the cursor has passed and no retry will bring back':
    'SELECT count(*) FROM item WHERE state = 0 AND seq <= (SELECT cursor FROM ledger) AND NOT EXISTS (SELECT 1 FROM retry WHERE retry.seq = item.seq)',
  'IDs above the cursor that are not pending':
    'SELECT count(*) FROM item WHERE state <> 0 AND seq > (SELECT cursor FROM ledger)',
  'retries of IDs that are not pending, or that the cursor has not reached':
    'SELECT count(*) FROM retry WHERE seq > (SELECT cursor FROM ledger) OR NOT EXISTS (SELECT 1 FROM item WHERE item.seq = retry.seq AND item.state = 0)',
  'fences above the highest one granted':
    'SELECT count(*) FROM (SELECT fence FROM lease UNION ALL SELECT fence FROM attempt) AS used WHERE used.fence > (SELECT fence FROM ledger)',
  'fences that were granted and are in no record':
    'SELECT (SELECT fence - first_fence FROM ledger) - (SELECT count(*) FROM lease) - (SELECT count(*) FROM attempt)',
  'attempts whose ID has another number of attempts':
    'SELECT abs((SELECT ifnull(sum(attempts), 0) FROM item) - (SELECT count(*) FROM lease) - (SELECT count(*) FROM attempt))',
}

function tables({ database }: Store): readonly string[] {
  return Object.entries(MUST_BE_NONE).flatMap(([what, query]) => {
    const row = onlyRow(database.prepare(`SELECT (${query}) AS found`))
    return difference(what, 0, integer(row, 'found'))
  })
}

function difference(what: string, noted: number, counted: number): readonly string[] {
  return noted === counted ? [] : [`${what}: expected ${noted}, counted ${counted}`]
}
