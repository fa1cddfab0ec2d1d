// The edge between rows of SQLite, which could hold anything, and values of known type.
import type { SQLOutputValue, StatementSync } from 'node:sqlite'
import { FleetError } from '../../core/index.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>

export function integer(row: Row, column: string): number {
  const value = row[column]
  return typeof value === 'number' ? value : unexpected(column, 'an integer', value)
}

export function text(row: Row, column: string): string {
  const value = row[column]
  return typeof value === 'string' ? value : unexpected(column, 'text', value)
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}

/** The row of a query that always has one. */
export function onlyRow(statement: StatementSync): Row {
  return statement.get() ?? unexpected(statement.sourceSQL, 'one row', undefined)
}

function unexpected(where: string, expected: string, found: unknown): never {
  throw new FleetError(
    'FLEET_LEDGER_CORRUPT',
    `expected ${expected} in ${where} of the ledger file, found ${typeof found}`,
    {
      remedy: 'restore the ledger from its latest backup',
    },
  )
}
