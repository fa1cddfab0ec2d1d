// Two hundred nodes in one run of the command line: four addresses for each of fifty hosts.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { must } from './node-changes.ts'
import { createOperator, nodesOf, type Operator } from './operator.ts'

const HOSTS = 50
const ADDRESSES = 4

describeOnLab('two hundred nodes', () => {
  let lab: Lab
  let operator: Operator

  beforeAll(async () => {
    lab = await startLab({ nodes: HOSTS })
    const subnet = lab.controlAddress.replace(/\.\d+$/, '')
    const known: string[] = []
    const inventory: string[] = []
    const keys = readFileSync(lab.knownHostsFile, 'utf8').split('\n')
    for (let host = 1; host <= HOSTS; host += 1) {
      for (let round = 0; round < ADDRESSES; round += 1) {
        const number = host + round * HOSTS
        if (round > 0) await must(lab, host, `ip addr add ${subnet}.${number}/24 dev eth0`)
        known.push(`${subnet}.${number} ${keys[host - 1]?.split(' ').slice(1).join(' ') ?? ''}\n`)
        inventory.push(`  n${String(number).padStart(3, '0')}: { address: ${subnet}.${number} }\n`)
      }
    }
    const knownHostsFile = join(lab.shared.here, 'known_hosts')
    writeFileSync(knownHostsFile, known.join(''))
    const head = `defaults: { user: root, port: 22, identity: ${lab.keyFile} }\nhosts:\n`
    operator = await createOperator({ inventory: head + inventory.sort().join(''), knownHostsFile })
  }, 180_000)

  afterAll(async () => {
    await operator[Symbol.asyncDispose]()
    await lab.dispose()
  }, 60_000)

  it('take no more than four times as long as fifty, without an error', async () => {
    const tookMs = new Map<number, number>()
    for (const count of [50, 200]) {
      const limit = count === 200 ? [] : ['--limit', `n[001:${String(count).padStart(3, '0')}]`]
      const result = await operator.fleet('exec', '--json', '--parallel', '50', ...limit, '--', 'true')
      expect(result.exitCode, result.stderr).toBe(0)
      expect(nodesOf(result).filter(({ ok }) => ok)).toHaveLength(count)
      tookMs.set(count, result.tookMs)
      process.stderr.write(
        `fleet exec -- true on ${count} nodes: ${Math.round(result.tookMs)} ms, at most ${String(result.peakMiB)} MiB\n`,
      )
    }
    // A quarter more, for a machine that has other things to do.
    expect(tookMs.get(200)).toBeLessThan((tookMs.get(50) ?? 0) * ADDRESSES * 1.25)
  })
})
