// The command line is killed at random moments of a push. Whatever the moment: `current` names a complete release, and the next push
// succeeds and sends only what is missing.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { createOperator, nodesOf, type Operator } from './operator.ts'
import { currentRelease, faultsOfCurrent, unfinishedOn } from './release-check.ts'

const NODES = 3
const ROUNDS = process.env['FLEET_TEST_LONG'] === '1' ? 40 : 6
const FILES = 60
const BIG_BYTES = 8_000_000
const BASE = '/root/.fleet/lab'
const FLEET = join(import.meta.dirname, '../../bin/fleet')

describeOnLab('a push that is killed', () => {
  let lab: Lab
  let operator: Operator
  let source: string

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES })
    source = await mkdtemp(join(tmpdir(), 'fleet-killed-'))
    await mkdir(join(source, 'app'))
    operator = await createOperator({
      inventory: lab.inventoryYml(),
      knownHostsFile: lab.knownHostsFile,
      release: [join(source, 'app')],
    })
  })

  afterAll(async () => {
    await operator[Symbol.asyncDispose]()
    await rm(source, { recursive: true })
    await lab.dispose()
  })

  it('leaves a complete release in use at every moment, and what it sent is not sent again', async () => {
    await writeVersion()
    const whole = await operator.fleet('push', '--json')
    expect(whole.exitCode, whole.stderr).toBe(0)
    let spared = 0
    for (let round = 1; round <= ROUNDS; round++) {
      await writeVersion()
      const before = await Promise.all(lab.nodes.map((_, index) => currentRelease(lab, index + 1, BASE)))
      const killedMs = Math.round(Math.random() * whole.tookMs)
      await killedPush(killedMs)
      for (let node = 1; node <= NODES; node++) {
        expect(await faultsOfCurrent(lab, node, BASE), `node ${node}, killed after ${killedMs} ms`).toBe('')
      }
      const again = await operator.fleet('push', '--json')
      expect(again.exitCode, `killed after ${killedMs} ms: ${again.stderr}`).toBe(0)
      for (const [index, record] of nodesOf(again).entries()) {
        const node = index + 1
        expect(await faultsOfCurrent(lab, node, BASE)).toBe('')
        expect(await currentRelease(lab, node, BASE)).not.toBe(before[index])
        expect(await unfinishedOn(lab, node, BASE)).toBe('')
        if (Number(record['sent_bytes']) < BIG_BYTES) spared += 1
      }
    }
    process.stderr.write(`killed pushes: ${spared} of ${ROUNDS * NODES} pushes after a kill sent less than the whole\n`)
    expect(spared).toBeGreaterThan(0)
  }, 400_000)

  /** Incompressible, and nothing of the last version is of use for it. */
  async function writeVersion(): Promise<void> {
    await writeFile(join(source, 'app/big'), randomBytes(BIG_BYTES), { mode: 0o755 })
    for (let file = 0; file < FILES; file++) await writeFile(join(source, 'app', `file ${file}`), randomBytes(5000))
  }

  async function killedPush(afterMs: number): Promise<void> {
    const child = spawn(FLEET, ['push', '--json', '--known-hosts', lab.knownHostsFile], {
      cwd: operator.folder,
      env: { ...process.env, HOME: operator.folder, SSH_AUTH_SOCK: undefined },
      stdio: 'ignore',
    })
    const closed = once(child, 'close')
    await sleep(afterMs)
    child.kill('SIGKILL')
    await closed
  }
})
