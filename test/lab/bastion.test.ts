// Twenty nodes that let nobody in but their bastion, whose sshd takes one handshake at a time.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Target } from '../../src/ssh/index.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { ask, labTarget, labTransport, numbersOf, verdictOf } from './lab-targets.ts'
import { admitOnlyFrom, configureSshd, dropsOf, loginsOf, must } from './node-changes.ts'
import { createOperator, nodesOf, outcomesOf } from './operator.ts'

const BEHIND = 20
const OPERATORS = 3

describeOnLab('twenty nodes behind a bastion that takes one handshake at a time', () => {
  let lab: Lab
  let bastion: Target
  let targets: Target[]

  beforeAll(async () => {
    lab = await startLab({ nodes: BEHIND + 1 })
    await configureSshd(lab, 1, ['MaxStartups 1:100:1', 'MaxSessions 1'])
    bastion = labTarget(lab, 1)
    const behind = numbersOf(lab, 2)
    await Promise.all(behind.map((node) => admitOnlyFrom(lab, node, bastion.address)))
    targets = behind.map((node) => labTarget(lab, node, { via: bastion }))
  }, 120_000)

  afterAll(async () => {
    await lab.dispose()
  })

  it('are not to be reached without it', async () => {
    const transport = labTransport(lab)
    expect(await verdictOf(ask(transport, labTarget(lab, 2), 'true'))).toBe('FLEET_SSH_AUTH')
    await transport.close()
  })

  it('are all reached at once over one connection to it, without a drop', async () => {
    const before = loginsOf(lab, 1)
    const transport = labTransport(lab)
    const names = await Promise.all(targets.map((target) => ask(transport, target, 'hostname')))
    await transport.close()
    expect(names).toEqual(lab.nodes.slice(1).map(({ name }) => `${name}\n`))
    expect(loginsOf(lab, 1) - before).toBe(1)
    expect(dropsOf(lab, 1)).toBe(0)
  })

  it('are all reached by three operators at the same moment', async () => {
    const transports = Array.from({ length: OPERATORS }, () => labTransport(lab, { retries: 12 }))
    const verdicts = await Promise.all(
      transports.flatMap((transport) => targets.map((target) => verdictOf(ask(transport, target, 'true')))),
    )
    await Promise.all(transports.map((transport) => transport.close()))
    process.stderr.write(
      `MaxStartups 1:100:1 on a bastion, ${BEHIND} nodes behind it, ${OPERATORS} operators at once: ${dropsOf(lab, 1)} drops, no failure\n`,
    )
    expect(verdicts).toEqual(Array(OPERATORS * BEHIND).fill('ok'))
  })

  it('are all reached by the command line too, when the inventory names it', async () => {
    const before = loginsOf(lab, 1)
    const inventory = lab
      .inventoryYml()
      .replace(/^ {2}(node\d+): \{ (address: \S+) \}$/gm, (_line, name: string, address: string) =>
        name === 'node01' ? `  bastion: { ${address}, pool: false }` : `  ${name}: { ${address}, via: bastion }`,
      )
    await using operator = await createOperator({
      inventory,
      knownHostsFile: lab.knownHostsFile,
      ssh: { retries: 0, timeouts: { connect: '3s' } },
    })
    const result = await operator.fleet('exec', '--json', '--', 'true')
    expect(outcomesOf(result), result.stderr).toEqual(lab.nodes.slice(1).map(({ name }) => `${name}: ok`))
    expect(result.exitCode).toBe(0)
    expect(loginsOf(lab, 1) - before).toBe(1)
    await must(lab, BEHIND, 'rm -r /root/.ssh')
    const check = await operator.fleet('exec', '--json', '--limit', `node02,node${BEHIND}`, '--', 'true')
    expect(outcomesOf(check)).toEqual(['node02: ok', `node${BEHIND}: FLEET_SSH_AUTH`])
    expect(check.exitCode).toBe(3)
    await lab.kill(1)
    const lost = await operator.fleet('exec', '--json', '--', 'true')
    for (const { error } of nodesOf(lost)) {
      expect(error?.code).toMatch(/^FLEET_SSH_(?:UNREACHABLE|CONNECT_TIMEOUT)$/)
      expect(error?.message).toContain('bastion')
    }
    expect(lost.exitCode).toBe(4)
    await lab.start(1)
  })

  it('are lost, each with its own error, when the bastion goes off while their commands run', async () => {
    const transport = labTransport(lab, { retries: 0 })
    const connections = await Promise.all(targets.slice(0, 3).map((target) => transport.connect(target)))
    const calls = connections.map((connection) => verdictOf(connection.exec('echo began; sleep 1000')))
    await lab.kill(1)
    for (const verdict of await Promise.all(calls)) expect(verdict).toMatch(/^FLEET_SSH_(?:LOST|STALLED)$/)
    await transport.close()
    await lab.start(1)
  })
})
