// A real OpenSSH server on a loopback port, with its own configuration and host keys in a temporary folder. Needs root.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execFileSync } from 'node:child_process'
import { freePort } from '../support/free-port.ts'
import type { Workbench } from './workbench.ts'

const SSHD = '/usr/sbin/sshd'

/** Why there can be no real sshd here, or undefined. */
export function whyNoSshd(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root'
  return existsSync(SSHD) ? undefined : `${SSHD} is missing (apt-get install openssh-server)`
}

export interface Sshd {
  readonly address: string
  readonly port: number
  /** `type base64` of each host key, by type (`ed25519`, `ecdsa`, `rsa`). */
  readonly hostKeys: ReadonlyMap<string, string>
  /** Lines it logged so far. */
  readonly log: readonly string[]
  readonly close: () => Promise<void>
}

/** `config`: further lines of sshd_config. `keys`: types of host keys. `authorized`: lines for authorized_keys. */
export async function startSshd(
  bench: Workbench,
  {
    config = [],
    keys = ['ed25519'],
    authorized = [bench.publicKey],
  }: { config?: string[]; keys?: string[]; authorized?: string[] } = {},
): Promise<Sshd> {
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const port = await freePort()
  const hostKeys = new Map<string, string>()
  for (const type of keys) {
    const file = join(bench.folder, `host_${type}_${port}`)
    hostKeys.set(type, sshKeygen(file, type))
    config = [...config, `HostKey ${file}`]
  }
  const authorizedKeys = bench.write(`authorized_keys_${port}`, `${authorized.join('\n')}\n`)
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    'PidFile none',
    `AuthorizedKeysFile ${authorizedKeys}`,
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PermitRootLogin yes',
    'LogLevel VERBOSE',
    // The login shell must not read what the user of this machine has in his home.
    `SetEnv HOME=${bench.folder}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    ...config,
  ]
  const child = spawn(SSHD, ['-D', '-e', '-f', bench.write(`sshd_config_${port}`, lines.join('\n'))], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const log: string[] = []
  const reader = createInterface(child.stderr)
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => {
      reject(new Error(`sshd did not start: ${log.join('\n')}`))
    })
    reader.on('line', (line) => {
      log.push(line)
      if (line.includes('Server listening')) resolve()
    })
  })
  return {
    address: '127.0.0.1',
    port,
    hostKeys,
    log,
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      }
      reader.close()
      child.stderr.destroy()
    },
  }
}

/** Makes a key pair with ssh-keygen; returns its public key as `type base64`. */
export function sshKeygen(file: string, type: string, passphrase = ''): string {
  const bits = type === 'rsa' ? ['-b', '2048'] : []
  execFileSync('ssh-keygen', ['-q', '-t', type, ...bits, '-N', passphrase, '-C', 'test', '-f', file])
  return execFileSync('ssh-keygen', ['-y', '-P', passphrase, '-f', file], { encoding: 'utf8' })
    .split(' ')
    .slice(0, 2)
    .join(' ')
    .trim()
}
