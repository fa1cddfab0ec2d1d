// release.runtime: node on real hosts whose own Node is too old, or hidden: it arrives once, and workers in JavaScript find it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pinnedVersion } from '../../src/fleet/runtime/find-node.ts'
import { freePort } from '../support/free-port.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { runFleet, type FleetResult } from './fleet-command.ts'
import { startLab, type Lab } from './lab.ts'
import { must } from './node-changes.ts'
import { nodesOf } from './operator.ts'

/** Says which Node runs it and stays; the next one of the same slot says so again. */
const MAIN = `
const { appendFileSync } = require('node:fs')
appendFileSync(process.env.HOME + '/says', process.version + ' ' + process.execPath + '\\n')
setInterval(() => {}, 1000)
`

describeOnLab('a job in JavaScript', () => {
  let lab: Lab
  let folder: string
  const fleet = (...args: readonly string[]): Promise<FleetResult> =>
    args[0] === 'dispatcher'
      ? runFleet(folder, args)
      : runFleet(folder, [...args, '--known-hosts', lab.knownHostsFile, '-F', 'none'])

  beforeAll(async () => {
    lab = await startLab({ nodes: 2 })
    folder = await mkdtemp(join(tmpdir(), 'fleet-runtime-'))
    await writeFile(join(folder, 'inventory.yml'), lab.inventoryYml('deploy'))
    await writeFile(join(folder, 'main.js'), MAIN)
    await writeFile(
      join(folder, 'fleet.yml'),
      JSON.stringify({
        job: 'photos',
        release: { files: ['main.js'], runtime: 'node' },
        worker: { kind: 'native', command: ['node', 'main.js'] },
        dispatcher: { listen: `${lab.controlAddress}:${await freePort(lab.controlAddress)}` },
      }),
    )
  }, 120_000)

  afterAll(async () => {
    await fleet('dispatcher', 'stop')
    await lab.dispose()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }, 60_000)

  it('runs with the pinned Node, which is sent once', async () => {
    const first = await fleet('push', '--json')
    expect(first.exitCode, first.stderr).toBe(0)
    for (const node of nodesOf(first)) expect(node['sent_bytes']).toBeGreaterThan(10_000_000)
    expect((await fleet('start', '--insecure-http')).exitCode).toBe(0)
    for (const node of [1, 2]) {
      const says = await must(lab, node, 'while ! [ -s /home/deploy/says ]; do sleep 0.1; done; cat /home/deploy/says')
      expect(says).toMatch(
        new RegExp(`^v${pinnedVersion()} /home/deploy/\\.fleet/photos/runtimes/[0-9a-f]{64}/bin/node\\n$`),
      )
    }
    expect(nodesOf(await fleet('push', '--json'))).toMatchObject([{ outcome: 'unchanged' }, { outcome: 'unchanged' }])

    // Another release: only that is sent.
    await writeFile(join(folder, 'main.js'), `${MAIN}// changed\n`)
    const second = await fleet('push', '--json')
    expect(second.exitCode, second.stderr).toBe(0)
    for (const node of nodesOf(second)) expect(node['sent_bytes']).toBeLessThan(100_000)
    expect(await must(lab, 1, 'ls /home/deploy/.fleet/photos/runtimes | wc -l')).toBe('2\n')
  })
})
