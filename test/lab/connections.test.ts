// What real servers do to a client that has many of them, and who sits at a port by mistake.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { ask, labTarget, labTransport, numbersOf, verdictOf } from './lab-targets.ts'
import { configureSshd, dropsOf, loginsOf, must } from './node-changes.ts'

const NODES = process.env['FLEET_TEST_LONG'] === '1' ? 50 : 10
/** More than any of the servers takes before it drops every further connection. */
const OPERATORS = 8
const SLOTS = 67

describeOnLab('servers that take three handshakes at once and drop the rest', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await startLab({ nodes: NODES, sshdOptions: ['MaxStartups 3:50:5'] })
  }, 120_000)

  afterAll(async () => {
    await lab.dispose()
  })

  it('are reached, each of them, by one operator without a single drop', async () => {
    const transport = labTransport(lab)
    const names = await Promise.all(numbersOf(lab).map((node) => ask(transport, labTarget(lab, node), 'hostname')))
    await transport.close()
    expect(names).toEqual(lab.nodes.map(({ name }) => `${name}\n`))
    expect(numbersOf(lab).map((node) => dropsOf(lab, node))).toEqual(Array(NODES).fill(0))
  })

  it('are reached, each of them, by eight operators at the same moment', async () => {
    const transports = Array.from({ length: OPERATORS }, () => labTransport(lab, { retries: 12 }))
    const verdicts = await Promise.all(
      transports.flatMap((transport) =>
        numbersOf(lab).map((node) => verdictOf(ask(transport, labTarget(lab, node), 'true'))),
      ),
    )
    await Promise.all(transports.map((transport) => transport.close()))
    const drops = numbersOf(lab).reduce((sum, node) => sum + dropsOf(lab, node), 0)
    process.stderr.write(
      `MaxStartups 3:50:5 on ${NODES} nodes, ${OPERATORS} operators at once: ${drops} drops, no failure\n`,
    )
    expect(verdicts).toEqual(Array(OPERATORS * NODES).fill('ok'))
  })

  it('see one connection when 67 slots of a node ask for one at once', async () => {
    const before = loginsOf(lab, 1)
    const transport = labTransport(lab)
    const answers = await Promise.all(
      Array.from({ length: SLOTS }, (_, slot) => ask(transport, labTarget(lab, 1), `echo ${slot}`)),
    )
    await transport.close()
    expect(answers).toEqual(Array.from({ length: SLOTS }, (_, slot) => `${slot}\n`))
    expect(loginsOf(lab, 1) - before).toBe(1)
  })
})

describeOnLab('an address', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await startLab({ nodes: 2 })
  })

  afterAll(async () => {
    await lab.dispose()
  })

  it('may be of IPv6, and a port any other than 22', async () => {
    await configureSshd(lab, 1, ['Port 22', 'Port 2200'])
    const number = lab.controlAddress.split('.')[2] ?? ''
    const prefix = `fd88:${number}::`
    // Without `nodad` the kernel would spend a second to look whether somebody else has the address.
    execFileSync('ip', ['-6', 'addr', 'add', `${prefix}fe/64`, 'dev', `fleetlab${number}`, 'nodad'])
    await must(lab, 1, `ip -6 addr add ${prefix}1/64 dev eth0 nodad`)
    const key = readFileSync(lab.knownHostsFile, 'utf8').split('\n')[0]?.replace(/^\S+/, `[${prefix}1]:2200`) ?? ''
    appendFileSync(lab.knownHostsFile, `${key}\n`)
    const transport = labTransport(lab)
    expect(await ask(transport, labTarget(lab, 1, { address: `${prefix}1`, port: 2200 }), 'hostname')).toBe('node01\n')
    await transport.close()
  })

  it('where somebody accepts and says nothing is given up in time, and named', async () => {
    const { port } = await listening(createServer(), lab.controlAddress)
    const transport = labTransport(lab, { retries: 1, timers: { bannerMs: 1000 } })
    const startedMs = performance.now()
    const target = labTarget(lab, 2, { address: lab.controlAddress, port })
    expect(await verdictOf(transport.connect(target))).toBe('FLEET_SSH_HANDSHAKE_TIMEOUT')
    expect(performance.now() - startedMs).toBeLessThan(20_000)
    await transport.close()
  })

  it('where a web server sits is told apart from one that drops connections', async () => {
    const web = createHttpServer((_, response) => response.end('hello'))
    const { port } = await listening(web, lab.controlAddress)
    const transport = labTransport(lab)
    const target = labTarget(lab, 2, { address: lab.controlAddress, port })
    const startedMs = performance.now()
    expect(await verdictOf(transport.connect(target))).toBe('FLEET_SSH_PROTOCOL')
    expect(performance.now() - startedMs).toBeLessThan(20_000)
    await transport.close()
  })

  it('where a call is given up ends its silent command too, when that is not of root', async () => {
    const transport = labTransport(lab)
    const connection = await transport.connect(labTarget(lab, 1, { user: 'deploy' }))
    const controller = new AbortController()
    const onStdout = (): void => controller.abort()
    const call = connection.exec('echo; exec sleep 1000', { signal: controller.signal, onStdout })
    expect(await verdictOf(call)).toBe('FLEET_SSH_ABORTED')
    await expect.poll(() => lab.processes(1).filter(({ command }) => command === 'sleep 1000')).toEqual([])
    await transport.close()
  })

  it('whose host key has changed is refused, and nothing is tried twice', async () => {
    const file = join(lab.shared.here, 'other_known_hosts')
    const [first = '', second = ''] = readFileSync(lab.knownHostsFile, 'utf8').split('\n')
    writeFileSync(file, `${first.split(' ')[0] ?? ''} ${second.split(' ').slice(1).join(' ')}\n`)
    const transport = labTransport({ knownHostsFile: file })
    const before = lab.consoleLog(1).length
    expect(await verdictOf(transport.connect(labTarget(lab, 1)))).toBe('FLEET_SSH_HOST_KEY_CHANGED')
    await transport.close()
    expect(
      lab
        .consoleLog(1)
        .slice(before)
        .match(/Connection (?:closed|reset)/g)?.length ?? 0,
    ).toBeLessThanOrEqual(1)
  })
})

/** Closes with the test, also what is still connected. */
async function listening(server: Server, address: string): Promise<AddressInfo> {
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, address)
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error(`expected a port on ${address}`)
  return bound
}
