// Nodes that go in every phase of their connection, each in its own way, among others that are well: whoever is lost is told
// so in time and by name, and nobody else waits for it.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { ask, labTarget, labTransport, numbersOf, verdictOf } from './lab-targets.ts'
import { createOperator, nodesOf } from './operator.ts'

const OFF = 1
const CUT = 2
const HUNG = 3
const REBOOTED = 4
const LOSERS = [OFF, CUT, HUNG, REBOOTED]
const WELL = [5, 6]
const NODES = 6

const LOST = /^FLEET_SSH_(?:LOST|STALLED|UNKNOWN_OUTCOME)$/
const NO_ANSWER = /^FLEET_SSH_(?:CONNECT_TIMEOUT|UNREACHABLE)$/

describeOnLab('nodes that are lost', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES })
  })

  afterEach(() => recoverAll(lab))

  afterAll(async () => {
    await lab.dispose()
  })

  it('before they answer have each the class of their phase, and hold nobody up', async () => {
    await lab.kill(OFF)
    await lab.cut(CUT)
    await lab.pause(HUNG)
    const transport = labTransport(lab, { retries: 1, timers: { bannerMs: 2000 } })
    const startedMs = performance.now()
    const tookMs = new Map<number, number>()
    const verdicts = await Promise.all(
      numbersOf(lab).map(async (node) => {
        const verdict = await verdictOf(ask(transport, labTarget(lab, node), 'true'))
        tookMs.set(node, performance.now() - startedMs)
        return verdict
      }),
    )
    await transport.close()
    expect(verdicts[OFF - 1]).toMatch(NO_ANSWER)
    expect(verdicts[CUT - 1]).toMatch(NO_ANSWER)
    expect(verdicts.slice(HUNG - 1)).toEqual(['FLEET_SSH_HANDSHAKE_TIMEOUT', 'ok', 'ok', 'ok'])
    // Two attempts of at most two seconds each, and the wait between them.
    for (const node of [OFF, CUT, HUNG]) expect(tookMs.get(node)).toBeLessThan(20_000)
    const lateMs = Math.max(...WELL.map((node) => tookMs.get(node) ?? Infinity))
    expect(lateMs).toBeLessThan(Math.min(tookMs.get(CUT) ?? 0, tookMs.get(HUNG) ?? 0))
  })

  it('while a silent command runs are noticed by keepalives, and the others end with their own exit codes', async () => {
    const transport = labTransport(lab, { timers: { idleMs: 120_000 } })
    const began = mark(lab, 'began')
    const startedMs = performance.now()
    const connections = await Promise.all(numbersOf(lab).map((node) => transport.connect(labTarget(lab, node))))
    const calls = connections.map((connection) =>
      connection.exec(`${began.touch}; while [ ! -e ${began.folder}/go ]; do sleep 0.1; done; exit 7`),
    )
    const verdicts = calls.map((call) => verdictOf(call))
    await began.all(NODES)
    await loseAll(lab)
    for (const node of LOSERS) expect(await verdicts[node - 1]).toMatch(LOST)
    expect(performance.now() - startedMs).toBeLessThan(60_000)
    writeFileSync(join(began.here, 'go'), '')
    for (const node of WELL) expect(await calls[node - 1]).toMatchObject({ exitCode: 7 })
    await transport.close()
  })

  it('while a command of the command line runs on them are each told apart in its document', async () => {
    await using operator = await createOperator({
      inventory: lab.inventoryYml(),
      knownHostsFile: lab.knownHostsFile,
      ssh: { retries: 0, timeouts: { connect: '2s', banner: '3s', idle: '5s' } },
    })
    const began = mark(lab, 'command')
    const startedMs = performance.now()
    const running = operator.fleet(
      'exec',
      '--json',
      '--',
      `${began.touch}; while [ ! -e ${began.folder}/go ]; do sleep 0.1; echo; done; echo whole`,
    )
    await began.all(NODES)
    await loseAll(lab)
    writeFileSync(join(began.here, 'go'), '')
    const result = await running
    expect(performance.now() - startedMs).toBeLessThan(60_000)
    expect(result.exitCode, result.stderr).toBe(3)
    const records = nodesOf(result)
    for (const node of LOSERS) expect(records[node - 1]).toMatchObject({ ok: false, outcome: 'unknown' })
    for (const node of LOSERS) expect(records[node - 1]?.error?.code).toMatch(LOST)
    for (const node of WELL) expect(records[node - 1]).toMatchObject({ ok: true, exit_code: 0 })
    await recoverAll(lab)

    await lab.kill(OFF)
    await lab.cut(CUT)
    await lab.pause(HUNG)
    const afterwards = await operator.fleet('exec', '--json', '--', 'true')
    expect(afterwards.exitCode).toBe(3)
    const verdicts = nodesOf(afterwards).map(({ ok, error }) => (ok ? 'ok' : String(error?.code)))
    expect(verdicts[OFF - 1]).toMatch(NO_ANSWER)
    expect(verdicts[CUT - 1]).toMatch(NO_ANSWER)
    expect(verdicts.slice(HUNG - 1)).toEqual(['FLEET_SSH_HANDSHAKE_TIMEOUT', 'ok', 'ok', 'ok'])
    expect(afterwards.stderr).toMatch(/--limit/)
  })

  it('while they are sent 50 MB end with their class, and the others have all of it', async () => {
    const transport = labTransport(lab)
    const bytes = Buffer.alloc(50_000_000, 'release')
    const began = mark(lab, 'upload')
    for (const node of LOSERS) await lab.rate(node, 8)
    const connections = await Promise.all(numbersOf(lab).map((node) => transport.connect(labTarget(lab, node))))
    const calls = connections.map((connection) =>
      connection.exec(`head -c 100000 | wc -c; ${began.touch}; wc -c`, { stdin: bytes }),
    )
    const verdicts = calls.map((call) => verdictOf(call))
    await began.all(NODES)
    const startedMs = performance.now()
    await loseAll(lab)
    for (const node of LOSERS) expect(await verdicts[node - 1]).toMatch(LOST)
    expect(performance.now() - startedMs).toBeLessThan(40_000)
    for (const node of WELL) expect((await calls[node - 1])?.stdout).toContain('\n')
    await transport.close()
    await recoverAll(lab)
    for (const node of LOSERS) await lab.rate(node, 0)
  })
})

async function loseAll(lab: Lab): Promise<void> {
  await Promise.all([lab.kill(OFF), lab.cut(CUT), lab.pause(HUNG), lab.reboot(REBOOTED)])
}

async function recoverAll(lab: Lab): Promise<void> {
  await lab.resume(HUNG)
  await lab.restore(CUT)
  await lab.start(OFF)
}

/** A folder that all nodes share, in which each can say that it is there. */
function mark(
  lab: Lab,
  name: string,
): { here: string; folder: string; touch: string; all: (count: number) => Promise<void> } {
  const here = join(lab.shared.here, name)
  const folder = `${lab.shared.onNodes}/${name}`
  return {
    here,
    folder,
    touch: `mkdir -p ${folder}; touch ${folder}/$(hostname)`,
    all: async (count) => {
      await expect
        .poll(() => readdirSync(lab.shared.here).includes(name) && readdirSync(here).length, { timeout: 30_000 })
        .toBe(count)
    },
  }
}
