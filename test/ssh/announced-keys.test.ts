// What the server announces after the login costs nothing, and cannot break anything.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import ssh2 from 'ssh2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { passOverAnnouncedKeys } from '../../src/ssh/announced-keys.ts'
import { startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, eventually, type Workbench } from './workbench.ts'

describe.skipIf(whyNoSshd() !== undefined)('the host keys that sshd announces', () => {
  let bench: Workbench
  let sshd: Sshd
  beforeEach(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench, { keys: ['ed25519', 'rsa'] })
  })
  afterEach(async () => {
    await sshd.close()
    bench.remove()
  })

  /** What ssh2 says of itself from the login until the announcement has been dealt with. */
  const talk = async (prepare: (client: ssh2.Client) => void): Promise<string> => {
    const client = new ssh2.Client()
    let said = ''
    client.connect({
      host: sshd.address,
      port: sshd.port,
      username: 'root',
      privateKey: readFileSync(bench.identity),
      debug: (line) => (said += `${line}\n`),
    })
    prepare(client)
    await once(client, 'ready')
    await eventually(() => said.includes('hostkeys-00@openssh.com'), 'the announcement comes')
    client.end()
    await once(client, 'close')
    return said
  }

  test('are not asked to be proven', async () => {
    expect(await talk((client) => expect(passOverAnnouncedKeys(client)).toBe(true))).not.toContain('hostkeys-prove')
    // By itself ssh2 asks, so the line above says something.
    expect(await talk(() => undefined)).toContain('hostkeys-prove')
  })

  test('are left to an ssh2 that has its parts elsewhere', () => {
    expect(passOverAnnouncedKeys(new ssh2.Client())).toBe(false)
  })
})
