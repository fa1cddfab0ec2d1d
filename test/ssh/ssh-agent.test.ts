// Logging in to a real sshd with keys that a real ssh-agent holds.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sshKeygen, startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, errorOf, eventually, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED a real ssh-agent: ${missing}\n`)

describe.skipIf(missing !== undefined)('a real ssh-agent', () => {
  let bench: Workbench
  let sshd: Sshd
  let agent: string
  let stopAgent: () => Promise<void>
  beforeAll(async () => {
    bench = createWorkbench()
    const file = join(bench.folder, 'in_agent')
    const authorized = sshKeygen(file, 'ed25519', '')
    sshd = await startSshd(bench, { authorized: [authorized] })
    bench.write('known_hosts', `[127.0.0.1]:${sshd.port} ${sshd.hostKeys.get('ed25519') ?? ''}\n`)
    agent = join(bench.folder, 'agent')
    const child = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' })
    stopAgent = async () => {
      child.kill()
      await once(child, 'exit')
    }
    await eventually(() => existsSync(agent), 'the agent listens')
    const env = { ...process.env, SSH_AUTH_SOCK: agent }
    for (let index = 0; index < 7; index += 1) {
      sshKeygen(join(bench.folder, `noise_${index}`), 'ed25519')
      execFileSync('ssh-add', ['-q', join(bench.folder, `noise_${index}`)], { env, stdio: 'ignore' })
    }
    execFileSync('ssh-add', ['-q', file], { env, stdio: 'ignore' })
  })
  afterAll(async () => {
    await stopAgent()
    await sshd.close()
    bench.remove()
  })

  test('logs in with the key that a file names, though seven others come before it', async () => {
    const connection = await bench
      .transport()
      .connect(bench.target(sshd, { agent, identities: [join(bench.folder, 'in_agent')] }))
    await connection.close()
  })

  test('with too many keys is cut to what sshd tolerates, and the error says so', async () => {
    const error = await errorOf(
      bench.transport().connect(bench.target(sshd, { agent, identities: [] })),
      'FLEET_SSH_AUTH',
    )
    expect(error.message.match(/agent key SHA256/g)).toHaveLength(6)
    expect(error.message).toContain('2 more agent keys were not offered')
  })

  test('that cannot be reached leaves the key files', async () => {
    const identities = [join(bench.folder, 'in_agent')]
    const connection = await bench
      .transport()
      .connect(bench.target(sshd, { agent: join(bench.folder, 'nobody'), identities }))
    await connection.close()
  })
})
