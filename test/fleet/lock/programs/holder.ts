// An operator in a process of its own, so that it can be stopped and killed: holds the lock of the nodes 1 to COUNT in FOLDER. Each line on
// stdin is written to every node, as far as their fences allow; what each node said is printed as one line of JSON.
import { createInterface } from 'node:readline'
import { systemClock, toFleetError } from '../../../../src/core/index.ts'
import { withOperatorLock } from '../../../../src/fleet/lock/operator-lock.ts'
import { createLocalConnection } from '../../../../src/ssh/index.ts'
import { change, nodeIn } from '../lock-lab.ts'

const [folder = '', count = '1', ttlMs = '60000'] = process.argv.slice(2)
const nodes = Array.from({ length: Number(count) }, (_, index) => nodeIn(folder, index + 1))
const transport = {
  connect: (target: { node: (typeof nodes)[number]['node'] }) => Promise.resolve(createLocalConnection(target.node)),
  close: () => Promise.resolve(),
}
const options = { command: 'fleet holder', clock: systemClock, parallel: 10, waitMs: 0, createFolder: true }

await withOperatorLock(transport, nodes, { ...options, ttlMs: Number(ttlMs) }, async (lock) => {
  const claims = nodes.map((node) => lock.claimOf(node.node))
  process.stdout.write(`${JSON.stringify(claims)}\n`)
  for await (const line of createInterface(process.stdin)) {
    const answers = nodes.map((node, index) =>
      // The claim as it was when the plan was made: a late command.
      change(node, claims[index] ?? 'unlocked', line).then(
        () => 'done',
        (error: unknown) => toFleetError(error).code,
      ),
    )
    process.stdout.write(`${JSON.stringify(await Promise.all(answers))}\n`)
  }
})
