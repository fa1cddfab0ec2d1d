// Nodes behind hops, against real sshds: one connection per hop and per node, and failures that name whom they belong to.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { generateKeyPair, type Target, type Transport } from '../../src/ssh/index.ts'
import { freePort } from '../support/free-port.ts'
import { startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { transportContract } from './transport-contract.ts'
import { createWorkbench, errorOf, eventually, openSockets, silence, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED hops against a real sshd: ${missing}\n`)

const named = (name: string): Pick<Target, 'node'> => ({ node: parseNodeName(name) })
const connectionsIn = (sshd: Sshd): number => sshd.log.filter((line) => line.startsWith('Connection from')).length

describe.skipIf(missing !== undefined)('behind hops', () => {
  for (const hops of [1, 2]) {
    transportContract(`ssh2 through ${hops} hop(s)`, async () => {
      const bench = createWorkbench()
      const bastion = await startSshd(bench)
      const node = await startSshd(bench)
      const transport = bench.transport({ acceptNew: true })
      const first = bench.target(bastion, named('b1'))
      const via = hops === 1 ? first : bench.target(bastion, { ...named('b2'), via: first })
      return {
        transport,
        target: bench.target(node, { via }),
        close: async () => {
          await transport.close()
          await Promise.all([bastion.close(), node.close()])
          bench.remove()
        },
      }
    })
  }

  describe('many nodes', () => {
    let bench: Workbench
    let transport: Transport
    const running: Sshd[] = []
    const start = async (options: Parameters<typeof startSshd>[1] = {}): Promise<Sshd> => {
      const sshd = await startSshd(bench, options)
      running.push(sshd)
      return sshd
    }
    beforeEach(() => {
      bench = createWorkbench()
      transport = bench.transport({ acceptNew: true })
    })
    afterEach(async () => {
      await transport.close()
      await Promise.all(running.splice(0).map((sshd) => sshd.close()))
      bench.remove()
      await eventually(() => openSockets() === 0, 'no socket is left')
    })

    test('67 simultaneous requests for one node are one connection, and each ends by itself', async () => {
      const node = await start()
      const connections = await Promise.all(Array.from({ length: 67 }, () => transport.connect(bench.target(node))))
      expect(connectionsIn(node)).toBe(1)
      const [first, ...others] = connections
      await first?.close()
      expect((await others[0]?.exec('echo on'))?.stdout).toBe('on\n')
      await Promise.all(others.map((connection) => connection.close()))
      await eventually(() => openSockets() === 0, 'the last close really ends')
    })

    test('twenty nodes share one connection to a hop that takes one handshake and one session at a time', async () => {
      const bastion = await start({ config: ['MaxStartups 1:100:1', 'MaxSessions 1'] })
      const nodes = await start({ config: ['MaxStartups 30'] })
      const via = bench.target(bastion, named('bastion'))
      const answers = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const connection = await transport.connect(bench.target(nodes, { ...named(`n${index}`), via }))
          const { stdout } = await connection.exec(`echo ${index}`)
          expect(connection.facts?.via).toEqual(['bastion'])
          await connection.close()
          return Number(stdout)
        }),
      )
      expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => index))
      expect(connectionsIn(bastion)).toBe(1)
      expect(bastion.log.filter((line) => line.includes('MaxStartups'))).toEqual([])
    })

    test('a hop that dies takes its nodes along, and is named', async () => {
      const bastion = await start()
      const node = await start()
      const hop = await transport.connect(bench.target(bastion, named('bastion')))
      const pid = Number((await hop.exec('echo $PPID')).stdout)
      const connection = await transport.connect(bench.target(node, { via: bench.target(bastion, named('bastion')) }))
      const call = errorOf(connection.exec('cat', { stdin: silence() }), 'FLEET_SSH_LOST')
      await connection.exec('true')
      process.kill(pid, 'SIGKILL')
      expect((await call).message).toContain('with its hop: the connection to bastion')
      await connection.close()
      const again = await transport.connect(bench.target(node, { via: bench.target(bastion, named('bastion')) }))
      expect((await again.exec('echo back')).stdout).toBe('back\n')
    })

    test('a hop that forbids forwarding is named with the setting that forbids it', async () => {
      const bastion = await start({ config: ['AllowTcpForwarding no'] })
      const node = await start()
      const target = bench.target(node, { via: bench.target(bastion, named('bastion')) })
      const error = await errorOf(transport.connect(target), 'FLEET_SSH_FORWARD_REFUSED')
      expect(error.message).toContain('bastion')
      expect(error.remedy).toContain('AllowTcpForwarding')
    })

    test('a port where nothing listens behind a hop is refused as it would be without one', async () => {
      const bastion = await start()
      const at = { address: '127.0.0.1', port: await freePort() }
      const target = bench.target(at, { via: bench.target(bastion, named('bastion')) })
      const error = await errorOf(transport.connect(target), 'FLEET_SSH_REFUSED')
      expect(error.message).toContain('through bastion')
    })

    test('a hop that does not let us in is asked once for all nodes behind it', async () => {
      const bastion = await start()
      const wrong = bench.write('wrong', generateKeyPair().private)
      const via = bench.target(bastion, { ...named('bastion'), identities: [wrong] })
      for (const name of ['n1', 'n2', 'n3']) {
        const error = await errorOf(transport.connect(bench.target(bastion, { ...named(name), via })), 'FLEET_SSH_AUTH')
        expect(error.message).toContain(`on the way to ${name}: `)
        expect(error.message).toContain(`bastion (root@127.0.0.1:${bastion.port})`)
      }
      await eventually(() => connectionsIn(bastion) > 0, 'sshd logs')
      expect(connectionsIn(bastion)).toBe(1)
    })

    test('a server with post-quantum key exchange only is told so', async () => {
      const node = await start({ config: ['KexAlgorithms sntrup761x25519-sha512@openssh.com'] })
      const error = await errorOf(transport.connect(bench.target(node)), 'FLEET_SSH_NO_COMMON_ALGORITHM')
      expect(error.message).toContain('only post-quantum key exchange (sntrup761x25519-sha512@openssh.com)')
    })

    test('a caller that gives up does not end the dial that others wait for', async () => {
      const node = await start()
      const controller = new AbortController()
      const given = errorOf(transport.connect(bench.target(node), { signal: controller.signal }), 'FLEET_SSH_ABORTED')
      const other = transport.connect(bench.target(node))
      controller.abort()
      await given
      expect((await (await other).exec('echo in')).stdout).toBe('in\n')
    })
  })
})
