// A push that loses nodes while they are sent 50 MB, each in another way.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { must } from './node-changes.ts'
import { createOperator, nodesOf, type Operator } from './operator.ts'

const LOST = /^FLEET_SSH_(?:LOST|STALLED|UNKNOWN_OUTCOME)$/
const LOSERS = [1, 2, 3, 4]
const WELL = [5, 6]

describeOnLab('a push of 50 MB', () => {
  let lab: Lab
  let operator: Operator
  let folder: string

  beforeAll(async () => {
    lab = await startLab({ nodes: LOSERS.length + WELL.length })
    folder = await mkdtemp(join(tmpdir(), 'fleet-upload-'))
    await writeFile(join(folder, 'work'), Buffer.alloc(50_000_000, 'release'), { mode: 0o755 })
    operator = await createOperator({
      inventory: lab.inventoryYml(),
      knownHostsFile: lab.knownHostsFile,
      release: [join(folder, 'work')],
      ssh: { retries: 1, timeouts: { connect: '2s', banner: '3s', idle: '5s' } },
    })
  })

  afterAll(async () => {
    await operator[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
    await lab.dispose()
  })

  it('names those that it lost, completes the others, and completes all when it is run again', async () => {
    // So slow that it is surely under way when they go.
    for (const node of LOSERS) await lab.rate(node, 8)
    const pushing = operator.fleet('push', '--json')
    const isReceiving = `timeout 60 sh -c 'until find /root/.fleet -type f -size +1000k 2>/dev/null | grep -q .; do sleep 0.2; done'`
    await Promise.all(LOSERS.map((node) => must(lab, node, isReceiving)))
    const startedMs = performance.now()
    await Promise.all([lab.kill(1), lab.cut(2), lab.pause(3), lab.reboot(4)])
    const result = await pushing
    process.stderr.write(`lost in a push: noticed within ${Math.round((performance.now() - startedMs) / 1000)} s\n`)
    expect(performance.now() - startedMs).toBeLessThan(120_000)
    const records = nodesOf(result)
    for (const node of LOSERS) expect(records[node - 1]?.error?.code).toMatch(LOST)
    for (const node of WELL) expect(records[node - 1]).toMatchObject({ ok: true, outcome: 'pushed' })
    expect(result.exitCode).toBe(3)

    await Promise.all([lab.start(1), lab.restore(2), lab.resume(3)])
    for (const node of LOSERS) await lab.rate(node, 0)
    const again = await operator.fleet('push', '--json')
    expect(again.exitCode, again.stderr).toBe(0)
  })
})
