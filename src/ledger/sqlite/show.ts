// One ID with all its attempts, oldest first: the log is a chain from the latest fence back to the first.
import { parseFence, parseFullSlotName, type Id } from '../../core/index.ts'
import type { Attempt, IdHistory } from '../ledger.ts'
import { outcomeOf } from './codes.ts'
import { FROM_ITEM, idRecord, RECORD_COLUMNS } from './id-record.ts'
import { integer, optionalText, text, type Row } from './row.ts'
import type { Store } from './store.ts'

export function prepareShow({ database }: Store): (id: Id) => IdHistory | undefined {
  const selectItem = database.prepare(`SELECT ${RECORD_COLUMNS} ${FROM_ITEM} WHERE item.id = ?`)
  const selectLease = database.prepare('SELECT fence, previous, slot, started_ms FROM lease WHERE fence = ?')
  const selectAttempt = database.prepare('SELECT * FROM attempt WHERE fence = ?')
  return (id) => {
    const row = selectItem.get(id)
    if (row === undefined) return undefined
    const record = idRecord(row)
    const attempts: Attempt[] = []
    for (let fence = record.fence; fence > 0;) {
      const open = selectLease.get(fence)
      const ended = open === undefined ? selectAttempt.get(fence) : undefined
      if (open !== undefined) attempts.push({ ...beginning(open), staleCalls: 0 })
      if (ended !== undefined) attempts.push(endedAttempt(ended))
      fence = integer(open ?? ended ?? { previous: 0 }, 'previous')
    }
    return { ...record, attempts: attempts.reverse() }
  }
}

function beginning(row: Row): Pick<Attempt, 'fence' | 'slot' | 'startedMs'> {
  return {
    fence: parseFence(integer(row, 'fence')),
    slot: parseFullSlotName(text(row, 'slot')),
    startedMs: integer(row, 'started_ms'),
  }
}

function endedAttempt(row: Row): Attempt {
  const errorClass = optionalText(row, 'error_class')
  const message = optionalText(row, 'message')
  return {
    ...beginning(row),
    endedMs: integer(row, 'ended_ms'),
    outcome: outcomeOf(integer(row, 'outcome')),
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(message === undefined ? {} : { message }),
    staleCalls: integer(row, 'stale_calls'),
  }
}
