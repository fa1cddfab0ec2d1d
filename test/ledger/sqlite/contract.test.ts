// The SQLite implementation keeps the contract.
import { ledgerContract } from '../contract/ledger-contract.ts'
import { openSqliteFixture } from './fixture.ts'

ledgerContract('SQLite', openSqliteFixture)
