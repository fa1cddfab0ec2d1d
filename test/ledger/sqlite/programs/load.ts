// load.ts FILE ROUND: 24 workers in one process lease and settle as fast as they can, while IDs are added. Every answer is written down as a line,
// after the ledger has given it and before the worker goes on; the file survives the process.
import { writeSync } from 'node:fs'
import { parseFullSlotName, parseId, parseInstanceName, slotName, systemClock } from '../../../../src/core/index.ts'
import { openSqliteLedger, type Lease, type Settlement } from '../../../../src/ledger/index.ts'
import { policy } from '../plain-policy.ts'

const [file = '', round = ''] = process.argv.slice(2)
const ledger = await openSqliteLedger({ file, policy, clock: systemClock, random: Math.random })
const instance = parseInstanceName(`round-${round}`)
await Promise.all([addIds(), ...Array.from({ length: 24 }, (_, index) => work(index + 1))])

async function addIds(): Promise<void> {
  for (let batch = 0; ; batch += 1) {
    const rows = Array.from({ length: 40 }, (_, index) => ({ id: parseId(`r${round}-${batch}-${index}`) }))
    const { added } = await ledger.import(rows)
    note({ kind: 'import', added })
  }
}

async function work(number: number): Promise<void> {
  const slot = parseFullSlotName(`node0${number % 3}/${slotName(number)}`)
  for (;;) {
    const answer = await ledger.lease({ slot, instance }, 60_000)
    if (answer.kind !== 'leased') continue
    const { id, fence } = answer.lease
    note({ kind: 'lease', id, fence, slot })
    const settlement = settlementFor(answer.lease)
    const settled = await ledger.settle(settlement)
    note({ kind: settlement.kind, id, fence, answer: settled.kind })
  }
}

function settlementFor({ id, fence }: Lease): Settlement {
  if (fence % 7 === 0) return { kind: 'fail', id, fence, errorClass: 'exit-1', message: 'by chance', permanent: false }
  if (fence % 11 === 0) return { kind: 'release', id, fence, delayMs: 0 }
  return { kind: 'complete', id, fence, result: `{"fence":${fence}}` }
}

function note(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}
