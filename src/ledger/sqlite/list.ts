// A page of IDs in import order. What a page costs, whatever the number of IDs:
//  any state   the rows of the page
//  leased      the rows of the page, from `lease`
//  parked      the rows of the page, from their partial index
//  pending     the rows of the page: what the cursor has passed is in `retry`, everything above the cursor is pending
//  done        the rows of the page and those between them that are not done; never anything above the cursor
import type { StatementSync } from 'node:sqlite'
import { FleetError, type Id } from '../../core/index.ts'
import type { IdRecord, IdState } from '../ledger.ts'
import { DONE, PARKED } from './codes.ts'
import { FROM_ITEM, idRecord, RECORD_COLUMNS } from './id-record.ts'
import { integer } from './row.ts'
import type { Store } from './store.ts'

export interface ListQuery {
  readonly state?: IdState
  readonly after?: Id
  readonly limit: number
}

/** Throws FLEET_LEDGER_UNKNOWN_ID when `after` was never imported. */
export function prepareList({ database }: Store): (query: ListQuery) => readonly IdRecord[] {
  const selectSeq = database.prepare('SELECT seq FROM item WHERE id = ?')
  const page = (seqs: string) =>
    database.prepare(`WITH page (seq) AS (${seqs} ORDER BY 1 LIMIT :limit)
      SELECT ${RECORD_COLUMNS} ${FROM_ITEM} JOIN page ON page.seq = item.seq ORDER BY item.seq`)
  const pages: Readonly<Record<IdState | 'any', StatementSync>> = {
    any: page('SELECT seq FROM item WHERE seq > :after'),
    leased: page('SELECT seq FROM lease WHERE seq > :after'),
    parked: page(`SELECT seq FROM item INDEXED BY item_parked WHERE state = ${PARKED} AND seq > :after`),
    pending: page(`SELECT seq FROM retry WHERE seq > :after
      UNION ALL SELECT seq FROM item WHERE seq > max(:after, (SELECT cursor FROM ledger))`),
    done: page(`SELECT seq FROM item WHERE state = ${DONE} AND seq > :after AND seq <= (SELECT cursor FROM ledger)`),
  }
  return ({ state, after, limit }) => {
    const row = after === undefined ? { seq: 0 } : selectSeq.get(after)
    if (row === undefined) {
      throw new FleetError(
        'FLEET_LEDGER_UNKNOWN_ID',
        `expected an imported ID to list after, got ${JSON.stringify(after)}`,
      )
    }
    return pages[state ?? 'any'].all({ after: integer(row, 'seq'), limit }).map(idRecord)
  }
}
