// An ID as `show` and `list` tell it.
import { parseId } from '../../core/index.ts'
import type { IdRecord } from '../ledger.ts'
import { stateOf } from './codes.ts'
import { integer, optionalText, text, type Row } from './row.ts'

/** What the record is made of, in `FROM_ITEM`. */
export const RECORD_COLUMNS =
  'item.seq, item.id, item.state, item.fence, item.failures, item.crashes, payload.json AS payload, result.json AS result'

export const FROM_ITEM =
  'FROM item LEFT JOIN payload ON payload.seq = item.seq LEFT JOIN result ON result.seq = item.seq'

export function idRecord(row: Row): IdRecord {
  const payload = optionalText(row, 'payload')
  const result = optionalText(row, 'result')
  return {
    id: parseId(text(row, 'id')),
    state: stateOf(integer(row, 'state')),
    fence: integer(row, 'fence'),
    failures: integer(row, 'failures'),
    crashes: integer(row, 'crashes'),
    ...(payload === undefined ? {} : { payload }),
    ...(result === undefined ? {} : { result }),
  }
}
