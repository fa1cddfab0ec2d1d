// hold.ts FILE [once]: opens a ledger, says `opened` or the code of the error, and holds it until killed (or, with `once`, closes it).
import { systemClock, toFleetError } from '../../../../src/core/index.ts'
import { openSqliteLedger } from '../../../../src/ledger/index.ts'
import { policy } from '../plain-policy.ts'

const [file = '', once] = process.argv.slice(2)
try {
  const ledger = await openSqliteLedger({ file, policy, clock: systemClock, random: Math.random, lockWaitMs: 0 })
  process.stdout.write('opened\n')
  if (once === undefined) setInterval(() => undefined, 60_000)
  else await ledger.close()
} catch (thrown) {
  process.stdout.write(`${toFleetError(thrown).code}\n`)
}
