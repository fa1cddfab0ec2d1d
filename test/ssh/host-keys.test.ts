// The same known_hosts, the same sshd, two clients: where ssh goes on, so does fleet, and where ssh refuses, so does fleet.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FleetError } from '../../src/core/index.ts'
import { sshKeygen, startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, errorOf, type Workbench } from './workbench.ts'

const run = promisify(execFile)
const reason = whyNoSshd()
if (reason !== undefined) process.stderr.write(`SKIPPED host keys with a real sshd: ${reason}\n`)

describe.skipIf(reason !== undefined)('a host key', () => {
  let bench: Workbench
  let sshd: Sshd
  let keys: Readonly<Record<'ED' | 'RSA' | 'OTHER', string>>
  beforeAll(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench, { keys: ['ed25519', 'rsa'] })
    keys = {
      ED: sshd.hostKeys.get('ed25519') ?? '',
      RSA: sshd.hostKeys.get('rsa') ?? '',
      OTHER: sshKeygen(join(bench.folder, 'stranger'), 'ed25519'),
    }
  })
  afterAll(async () => {
    await sshd.close()
    bench.remove()
  })

  /** `HERE` is `[address]:port`; ED, RSA and OTHER are keys. */
  const writeKnownHosts = (text: string): void => {
    const lines = text.replaceAll('HERE', `[127.0.0.1]:${sshd.port}`).replaceAll('HOST', '127.0.0.1')
    bench.write(
      'known_hosts',
      lines.replaceAll(/\b(ED|RSA|OTHER)\b/g, (name) => keys[name as keyof typeof keys]),
    )
  }
  const sshGoesOn = async (checking: string, alias: string | undefined): Promise<boolean> => {
    const options = [
      `UserKnownHostsFile=${bench.knownHosts}`,
      'GlobalKnownHostsFile=/dev/null',
      `StrictHostKeyChecking=${checking}`,
      'IdentitiesOnly=yes',
      'IdentityAgent=none',
      'BatchMode=yes',
      ...(alias === undefined ? [] : [`HostKeyAlias=${alias}`]),
    ].flatMap((option) => ['-o', option])
    const argv = ['-F', 'none', '-p', String(sshd.port), '-i', bench.identity, ...options, 'root@127.0.0.1', 'true']
    return await run('ssh', argv, { timeout: 20_000 }).then(
      () => true,
      () => false,
    )
  }
  const fleetSays = async (acceptNew: boolean, alias: string | undefined): Promise<string> => {
    const transport = bench.transport({ acceptNew })
    const target = bench.target(sshd, alias === undefined ? {} : { hostKeys: { alias } })
    try {
      await transport.connect(target)
      return 'goes on'
    } catch (error) {
      return error instanceof FleetError ? error.code : String(error)
    } finally {
      await transport.close()
    }
  }

  const UNKNOWN = 'FLEET_SSH_HOST_KEY_UNKNOWN'
  const CHANGED = 'FLEET_SSH_HOST_KEY_CHANGED'
  test.each([
    ['a line with the port', 'HERE ED', 'goes on', undefined],
    ['a line without the port', 'HOST ED', 'goes on', undefined],
    ['another key without the port', 'HOST OTHER', UNKNOWN, undefined],
    ['another key with the port and this one without', 'HERE OTHER\nHOST ED', CHANGED, undefined],
    ['only the RSA key with the port', 'HERE RSA', 'goes on', undefined],
    ['a wildcard', '* ED', 'goes on', undefined],
    ['nothing', '', UNKNOWN, undefined],
    ['an alias', 'photos ED', 'goes on', 'Photos'],
    ['an alias with another key', 'photos OTHER\nHERE ED', CHANGED, 'photos'],
    ['an alias and lines for the address only', 'HOST ED\nHERE ED', UNKNOWN, 'photos'],
    ['a revocation with the port', 'HOST ED\n@revoked HERE ED', 'FLEET_SSH_HOST_KEY_REVOKED', undefined],
  ])('that is known by %s is judged as ssh does', async (_what, text, expected, alias) => {
    writeKnownHosts(text)
    expect(await fleetSays(false, alias)).toBe(expected)
    expect(await sshGoesOn('yes', alias)).toBe(expected === 'goes on')
  })

  test('that is known by another type without the port is trusted, as that type is asked for first; ssh does not ask', async () => {
    writeKnownHosts('HOST RSA')
    expect(await fleetSays(false, undefined)).toBe('goes on')
    expect(await sshGoesOn('yes', undefined)).toBe(false)
  })

  test('that is revoked without the port is refused, though ssh would record it', async () => {
    writeKnownHosts('HOST ED\n@revoked HOST ED')
    expect(await fleetSays(true, undefined)).toBe('FLEET_SSH_HOST_KEY_REVOKED')
    expect(await sshGoesOn('accept-new', undefined)).toBe(true)
  })

  test.each([undefined, 'photos'])('that is new is recorded as ssh records it (alias: %s)', async (alias) => {
    writeKnownHosts('')
    expect(await fleetSays(true, alias)).toBe('goes on')
    const ours = readFileSync(bench.knownHosts, 'utf8')
    writeKnownHosts('')
    expect(await sshGoesOn('accept-new', alias)).toBe(true)
    expect(readFileSync(bench.knownHosts, 'utf8')).toBe(ours)
  })

  test('is recorded where its own target says, not where the transport does', async () => {
    bench.write('known_hosts', '')
    const own = bench.write('own_known_hosts', '')
    const transport = bench.transport({ acceptNew: false })
    await transport.connect(bench.target(sshd, { hostKeys: { files: [own], acceptNew: true } }))
    await errorOf(transport.connect(bench.target({ address: 'localhost', port: sshd.port })), UNKNOWN)
    await transport.close()
    expect(readFileSync(own, 'utf8')).toContain(keys.ED)
    expect(readFileSync(bench.knownHosts, 'utf8')).toBe('')
  })
})
