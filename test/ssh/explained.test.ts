// What a real sshd is like when it lets us in, and what it cannot agree upon with us when it does not: both by name.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { generateKeyPair, type Target } from '../../src/ssh/index.ts'
import { sshKeygen, startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, errorOf, eventually, openSockets, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED what a real sshd explains: ${missing}\n`)

const named = (name: string): Pick<Target, 'node'> => ({ node: parseNodeName(name) })

describe.skipIf(missing !== undefined)('a real sshd', () => {
  let bench: Workbench
  beforeEach(() => {
    bench = createWorkbench()
  })
  afterEach(async () => {
    bench.remove()
    await eventually(() => openSockets() === 0, 'no socket is left')
  })
  const start = async (options: Parameters<typeof startSshd>[1] = {}): Promise<Sshd> => {
    const sshd = await startSshd(bench, options)
    onTestFinished(sshd.close)
    return sshd
  }

  test('is known by its facts once it has let us in', async () => {
    const sshd = await start()
    const transport = bench.transport({ acceptNew: true })
    const connection = await transport.connect(bench.target(sshd))
    const { facts } = connection
    expect(facts).toMatchObject({
      address: '127.0.0.1',
      port: sshd.port,
      ip: '127.0.0.1',
      via: [],
      attempts: 1,
      hostKeyAlgorithm: 'ssh-ed25519',
      accepted: bench.identity,
    })
    expect(facts?.greeting).toMatch(/^SSH-2\.0-OpenSSH_/)
    expect(facts?.keyExchange).toContain('curve25519')
    expect(facts?.cipher).toContain('aes')
    expect(Object.keys(facts?.phases ?? {}).toSorted()).toEqual(
      ['authenticationMs', 'bannerMs', 'connectMs', 'dnsMs', 'keyExchangeMs', 'queueMs'].toSorted(),
    )
    for (const tookMs of Object.values(facts?.phases ?? {})) expect(tookMs).toBeGreaterThanOrEqual(0)
    expect(facts?.phases.authenticationMs).toBeGreaterThan(0)
    await connection.close()
  })

  test.each([
    ['Ciphers aes128-cbc', 'for cipher it offers only aes128-cbc', 'Ciphers'],
    ['MACs umac-64@openssh.com\nCiphers aes128-ctr', 'for MAC it offers only umac-64@openssh.com', 'MACs'],
    ['KexAlgorithms sntrup761x25519-sha512@openssh.com', 'only post-quantum key exchange', 'KexAlgorithms'],
  ])('with %j only is told apart', async (line, found, setting) => {
    const sshd = await start({ config: [line] })
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(bench.target(sshd)),
      'FLEET_SSH_NO_COMMON_ALGORITHM',
    )
    expect(error.message).toContain(found)
    expect(error.remedy).toContain(setting)
  })

  test('with SHA-1 signatures only is told apart, and is not trusted', async () => {
    const sshd = await start({ keys: ['rsa'], config: ['HostKeyAlgorithms ssh-rsa'] })
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(bench.target(sshd)),
      'FLEET_SSH_NO_COMMON_ALGORITHM',
    )
    expect(error.message).toContain('only host keys with SHA-1 signatures (ssh-rsa)')
  })

  test('with a host certificate only is told apart', async () => {
    const authority = join(bench.folder, 'authority')
    sshKeygen(authority, 'ed25519')
    const key = join(bench.folder, 'certified')
    sshKeygen(key, 'ed25519')
    execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'node', '-h', '-n', '127.0.0.1', `${key}.pub`])
    const sshd = await start({
      keys: [],
      config: [
        `HostKey ${key}`,
        `HostCertificate ${key}-cert.pub`,
        'HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com',
      ],
    })
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(bench.target(sshd)),
      'FLEET_SSH_NO_COMMON_ALGORITHM',
    )
    expect(error.message).toContain('only host certificates (ssh-ed25519-cert-v01@openssh.com)')
  })

  describe('behind two hops', () => {
    const identities = (): readonly string[] => [bench.write('wrong', generateKeyPair().private)]

    test('that refuses us is named together with both hops', async () => {
      const sshd = await start()
      const b1 = bench.target(sshd, named('b1'))
      const b2 = bench.target(sshd, { ...named('b2'), via: b1 })
      const transport = bench.transport({ acceptNew: true })
      const target = bench.target(sshd, { via: b2, identities: identities() })
      const error = await errorOf(transport.connect(target), 'FLEET_SSH_AUTH')
      expect(error.message).toContain(`n1 (root@127.0.0.1:${sshd.port}, through b1 and b2)`)
      await transport.close()
    })

    test.each(['b1', 'b2'])('is not reached when %s refuses us, and both are named', async (who) => {
      const sshd = await start()
      const wrong = identities()
      const b1 = bench.target(sshd, { ...named('b1'), ...(who === 'b1' ? { identities: wrong } : {}) })
      const b2 = bench.target(sshd, { ...named('b2'), via: b1, ...(who === 'b2' ? { identities: wrong } : {}) })
      const transport = bench.transport({ acceptNew: true })
      const error = await errorOf(transport.connect(bench.target(sshd, { via: b2 })), 'FLEET_SSH_AUTH')
      expect(error.message).toContain('on the way to n1: ')
      expect(error.message).toContain(`${who} (root@127.0.0.1:${sshd.port}`)
      await transport.close()
    })

    test('is not reached when a hop permits other places only, which is named with the setting', async () => {
      const open = await start()
      const picky = await start({ config: ['PermitOpen 127.0.0.1:1'] })
      const b1 = bench.target(open, named('b1'))
      const b2 = bench.target(picky, { ...named('b2'), via: b1 })
      const transport = bench.transport({ acceptNew: true })
      const error = await errorOf(transport.connect(bench.target(open, { via: b2 })), 'FLEET_SSH_FORWARD_REFUSED')
      expect(error.message).toContain(`b2 (root@127.0.0.1:${picky.port}, through b1)`)
      expect(error.remedy).toContain(`PermitOpen 127.0.0.1:${open.port}`)
      await transport.close()
    })
  })
})
