// Trust in the keys of a real sshd, with known_hosts as ssh-keygen writes and reads it.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { sshKeygen, startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, errorOf, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED host keys of a real sshd: ${missing}\n`)

describe.skipIf(missing !== undefined)('host keys of a real sshd', () => {
  let bench: Workbench
  let sshd: Sshd
  beforeAll(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench, { keys: ['ed25519', 'ecdsa', 'rsa'] })
  })
  afterAll(async () => {
    await sshd.close()
    bench.remove()
  })
  const at = (): string => `[127.0.0.1]:${sshd.port}`

  test('an unknown key is refused with its fingerprint as ssh-keygen shows it, and is not recorded', async () => {
    bench.write('known_hosts', '')
    const error = await errorOf(bench.transport().connect(bench.target(sshd)), 'FLEET_SSH_HOST_KEY_UNKNOWN')
    const shown = execFileSync('ssh-keygen', ['-lf', join(bench.folder, `host_ed25519_${sshd.port}.pub`)], {
      encoding: 'utf8',
    })
    expect(error.message).toContain(`ssh-ed25519 ${shown.split(' ')[1] ?? ''}`)
    expect(error.remedy).toContain('fleet push --accept-new')
    expect(error.remedy).toContain('ssh-keygen -lf')
    expect(readFileSync(bench.knownHosts, 'utf8')).toBe('')
  })

  test('accept-new records the key once, though ten connections meet it at the same time, and ssh reads what was written', async () => {
    bench.write('known_hosts', '# no newline at the end')
    const transport = bench.transport({ acceptNew: true })
    const connections = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        transport.connect(bench.target(sshd, { node: parseNodeName(`n${index}`) })),
      ),
    )
    await Promise.all(connections.map((connection) => connection.close()))
    expect(readFileSync(bench.knownHosts, 'utf8')).toBe(
      `# no newline at the end\n${at()} ${sshd.hostKeys.get('ed25519') ?? ''}\n`,
    )
    expect(execFileSync('ssh-keygen', ['-F', at(), '-f', bench.knownHosts], { encoding: 'utf8' })).toContain(
      'ssh-ed25519',
    )
    await (await bench.transport().connect(bench.target(sshd))).close()
  })

  test('a server with several keys is known by any one of them', async () => {
    for (const type of ['rsa', 'ecdsa']) {
      bench.write('known_hosts', `${at()} ${sshd.hostKeys.get(type) ?? ''}\n`)
      await (await bench.transport().connect(bench.target(sshd))).close()
    }
  })

  test('a name that ssh-keygen -H has hashed is found', async () => {
    bench.write('known_hosts', `${at()} ${sshd.hostKeys.get('ed25519') ?? ''}\n`)
    execFileSync('ssh-keygen', ['-q', '-H', '-f', bench.knownHosts], { stdio: 'ignore' })
    expect(readFileSync(bench.knownHosts, 'utf8')).toMatch(/^\|1\|/)
    await (await bench.transport().connect(bench.target(sshd))).close()
  })

  test.each([false, true])('a changed key is refused with both fingerprints (accept-new: %s)', async (acceptNew) => {
    const old = sshKeygen(join(bench.folder, `old_${acceptNew}`), 'ed25519')
    bench.write('known_hosts', `# first line\n${at()} ${old}\n`)
    const error = await errorOf(
      bench.transport({ acceptNew }).connect(bench.target(sshd)),
      'FLEET_SSH_HOST_KEY_CHANGED',
    )
    expect(error.message.match(/SHA256:/g)).toHaveLength(2)
    expect(error.message).toContain(`${bench.knownHosts}:2`)
    expect(error.retryable).toBe(false)
  })

  test('a line about this server that cannot be read stops accept-new', async () => {
    bench.write('known_hosts', `${at()} ssh-ed25519 AAAA\n`)
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(bench.target(sshd)),
      'FLEET_SSH_HOST_KEY_UNKNOWN',
    )
    expect(error.message).toContain(`${bench.knownHosts}:1`)
  })

  test('a revoked key is refused', async () => {
    const key = sshd.hostKeys.get('ed25519') ?? ''
    bench.write('known_hosts', `${at()} ${key}\n@revoked * ${key}\n`)
    const error = await errorOf(
      bench.transport({ acceptNew: true }).connect(bench.target(sshd)),
      'FLEET_SSH_HOST_KEY_REVOKED',
    )
    expect(error.message).toContain(`${bench.knownHosts}:2`)
  })
})
