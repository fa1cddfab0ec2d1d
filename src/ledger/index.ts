// The durable truth about every ID. Other rooms see the interface and the functions that open an implementation of it.
export type {
  Attempt,
  IdCounts,
  IdHistory,
  IdRecord,
  IdState,
  ImportAnswer,
  ImportRow,
  Lease,
  LeaseAnswer,
  Ledger,
  LedgerStatus,
  NodeCounts,
  Outcome,
  RenewAnswer,
  RetryPolicy,
  Seat,
  SettleAnswer,
  Settlement,
} from './ledger.ts'
export { openSqliteLedger, type SqliteLedgerOptions } from './sqlite/open.ts'
