// The contract suite: every implementation of the ledger passes it, and so all of them mean the same.
import { describe } from 'vitest'
import type { OpenFixture } from './fixture.ts'
import { importContract } from './import.ts'
import { leaseContract } from './lease.ts'
import { ledgerProperties } from './property.ts'
import { reportContract } from './report.ts'
import { settleContract } from './settle.ts'
import { timeContract } from './time.ts'

export function ledgerContract(name: string, open: OpenFixture): void {
  describe(`${name}: import`, () => {
    importContract(open)
  })
  describe(`${name}: lease`, () => {
    leaseContract(open)
  })
  describe(`${name}: settle`, () => {
    settleContract(open)
  })
  describe(`${name}: time`, () => {
    timeContract(open)
  })
  describe(`${name}: reports`, () => {
    reportContract(open)
  })
  describe(`${name}: properties`, () => {
    ledgerProperties(open)
  })
}
