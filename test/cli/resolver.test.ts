// A resolver that keeps silent about some names, in a mount namespace with a resolv.conf of its own.
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { isMissing } from '../support/requires-program.ts'
import { generateKeyPair } from '../../src/ssh/index.ts'

const FLEET = fileURLToPath(new URL('../../bin/fleet', import.meta.url))
const SILENT = '127.0.0.77'
const HANGING = 20

const isRoot = process.getuid?.() === 0
if (!isRoot) process.stderr.write('SKIPPED a resolver that keeps silent: not root\n')

describe.skipIf(!isRoot || isMissing('unshare', 'a resolver that keeps silent'))('names', () => {
  test('for which no answer comes do not hold up the others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fleet-names-'))
    const server = createSocket('udp4')
    server.bind(53, SILENT)
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      rmSync(folder, { recursive: true, force: true })
    })
    const port = await freePort()
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${SILENT}\noptions timeout:4 attempts:1\n`)
    const nodes = [...Array.from({ length: HANGING }, (_, index) => `silent${index}.test`), 'localhost']
    writeFileSync(join(folder, 'hosts.txt'), nodes.map((node) => `${node}\n`).join(''))
    writeFileSync(join(folder, 'ssh_config'), `Port ${port}\nUser root\nIdentityFile ${join(folder, 'key')}\n`)
    writeFileSync(
      join(folder, 'fleet.yml'),
      'job: names\nhosts: hosts.txt\nssh: { parallel: 50, retries: 0, timeouts: { dns: 2s } }\nworker: { command: ["true"] }\ndispatcher: {}\n',
    )
    writeFileSync(join(folder, 'key'), generateKeyPair().private, { mode: 0o600 })
    const script = 'mount --bind "$1/resolv.conf" /etc/resolv.conf && cd "$1" && shift && exec "$@"'
    const words = ['exec', '--json', '--ssh-config', join(folder, 'ssh_config'), '--', 'true']
    const child = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', folder, FLEET, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()))
    await once(child, 'close')
    expect(stdout, stderr).not.toBe('')
    const answer = JSON.parse(stdout) as { nodes: { node: string; error?: { code: string; message: string } }[] }
    const codeOf = (name: string): string | undefined => answer.nodes.find(({ node }) => node === name)?.error?.code
    expect(codeOf('silent0.test')).toBe('FLEET_SSH_DNS')
    expect(codeOf('localhost'), stderr).toBe('FLEET_SSH_REFUSED')
  })
})
