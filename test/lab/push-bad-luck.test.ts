// Everything that may happen to nodes in the middle of a push: cut links, power cuts, hangs, reboots, a killed sshd session, a full disk; and two operators
// who push at once. The nodes that are well get their release, the others keep the one they had, and the next push mends it all.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { must } from './node-changes.ts'
import { createOperator, nodesOf, type NodeRecord, type Operator } from './operator.ts'
import { currentRelease, faultsOfCurrent } from './release-check.ts'

const NODES = 7
const CUT = 1
const REBOOTED = 2
const KILLED_SESSION = 3
const FULL = 4
const OFF = 5
const HUNG = 6
const WELL = 7
const BIG_BYTES = 20_000_000
const BASE = '/root/.fleet/lab'
/** So slow that a push is surely under way when something happens: the whole takes 8 s. Mbit/s. */
const SLOW = 20

describeOnLab('a push with bad luck', () => {
  let lab: Lab
  let source: string
  const operators: Operator[] = []

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES })
    source = await mkdtemp(join(tmpdir(), 'fleet-bad-luck-'))
    for (const name of ['ours', 'theirs']) {
      await writeFile(join(source, name), randomBytes(1000), { mode: 0o755 })
      operators.push(
        await createOperator({
          inventory: lab.inventoryYml(),
          knownHostsFile: lab.knownHostsFile,
          release: [join(source, name)],
          ssh: { retries: 1, timeouts: { connect: '2s', banner: '3s', idle: '5s' } },
        }),
      )
    }
    const first = await operator().fleet('push', '--json')
    expect(first.exitCode, first.stderr).toBe(0)
  })

  afterAll(async () => {
    for (const one of operators) await one[Symbol.asyncDispose]()
    await rm(source, { recursive: true })
    await lab.dispose()
  })

  it('keeps what nodes ran when they are lost or full, goes on where it stopped when they come back, and is mended by the next', async () => {
    await writeFile(join(source, 'ours'), randomBytes(BIG_BYTES), { mode: 0o755 })
    const before = await Promise.all(nodes().map((node) => currentRelease(lab, node, BASE)))
    for (const node of nodes()) await lab.rate(node, SLOW)
    // A disk that has room for half of it.
    await must(
      lab,
      FULL,
      `mount -t tmpfs -o size=${BIG_BYTES / 2} none ${BASE}/releases && mkdir ${BASE}/releases/kept`,
    )
    const pushing = operator().fleet('push', '--json')
    const losers = [CUT, REBOOTED, KILLED_SESSION, OFF, HUNG]
    await Promise.all(losers.map((node) => must(lab, node, isReceiving(BIG_BYTES / 4))))
    await Promise.all([
      lab.cut(CUT),
      lab.reboot(REBOOTED),
      must(lab, KILLED_SESSION, KILL_SESSIONS),
      lab.kill(OFF),
      lab.pause(HUNG),
    ])
    const result = await pushing
    const record = (node: number): NodeRecord | undefined => nodesOf(result)[node - 1]
    for (const node of [CUT, OFF, HUNG]) expect(record(node)?.error?.code, result.stderr).toMatch(/^FLEET_SSH_/)
    // These came back, so the same run went on with them.
    for (const node of [REBOOTED, KILLED_SESSION, WELL])
      expect(record(node), result.stderr).toMatchObject({ ok: true, outcome: 'pushed' })
    expect(record(FULL)?.error?.message).toMatch(/no space/)
    expect(result.exitCode).toBe(3)
    expect(await must(lab, FULL, `find ${BASE}/releases -mindepth 1 ! -name .sealed`)).toBe(`${BASE}/releases/kept\n`)

    await must(lab, FULL, `umount ${BASE}/releases`)
    await Promise.all([lab.restore(CUT), lab.start(OFF), lab.resume(HUNG)])
    for (const node of [CUT, FULL, OFF, HUNG]) expect(await currentRelease(lab, node, BASE)).toBe(before[node - 1])
    for (const node of nodes()) expect(await faultsOfCurrent(lab, node, BASE)).toBe('')

    for (const node of nodes()) await lab.rate(node, 0)
    const again = await operator().fleet('push', '--json')
    expect(again.exitCode, again.stderr).toBe(0)
    const outcomes = nodesOf(again).map((one) => one['outcome'])
    for (const node of nodes())
      expect(outcomes[node - 1]).toBe([CUT, FULL, OFF, HUNG].includes(node) ? 'pushed' : 'unchanged')
    expect(Number(nodesOf(again)[CUT - 1]?.['sent_bytes'])).toBeLessThan(BIG_BYTES * 0.8)
    for (const node of nodes()) expect(await faultsOfCurrent(lab, node, BASE)).toBe('')
  }, 240_000)

  it('is won by one of two operators, and the other is told who', async () => {
    for (const name of ['ours', 'theirs']) await writeFile(join(source, name), randomBytes(BIG_BYTES), { mode: 0o755 })
    const results = await Promise.all(operators.map((one) => one.fleet('push', '--json')))
    const codes = results.map(({ exitCode }) => exitCode)
    expect(
      codes.toSorted((a, b) => a - b),
      results.map(({ stderr }) => stderr).join('\n'),
    ).toEqual([0, 5])
    const winner = codes.indexOf(0)
    expect(results[1 - winner]?.stderr).toMatch(/held by \S+@\S+ since .*: fleet push/)
    const digests = await Promise.all(nodes().map((node) => currentRelease(lab, node, BASE)))
    expect(new Set(digests).size).toBe(1)
    expect(digests[0]).toBe(nodesOf(results[winner] ?? results[0] ?? fail())[0]?.['release'])
    for (const node of nodes()) expect(await faultsOfCurrent(lab, node, BASE)).toBe('')
  }, 120_000)

  function operator(): Operator {
    return operators[0] ?? fail()
  }
})

/** Waits in the node until a file of a push is longer than `bytes`. */
function isReceiving(bytes: number): string {
  return `timeout 60 sh -c 'until find ${BASE} -type f -size +${Math.round(bytes / 1024)}k 2>/dev/null | grep -q incoming; do sleep 0.1; done'`
}

const KILL_SESSIONS = `for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in 'sshd: root@'*) kill -KILL "\${p#/proc/}" ;; esac; done`

function nodes(): readonly number[] {
  return Array.from({ length: NODES }, (_, index) => index + 1)
}

function fail(): never {
  throw new Error('expected two operators')
}
