// A real Dropbear on a loopback port. It knows its users' keys from their homes only, so it gets a home of its own in a mount
// namespace that ends with it. Needs root.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:net'
import { freePort } from '../support/free-port.ts'
import { eventually, type Workbench } from './workbench.ts'

const DROPBEAR = '/usr/sbin/dropbear'

/** Why there can be no Dropbear here, or undefined. */
export function whyNoDropbear(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root'
  return existsSync(DROPBEAR) ? undefined : `${DROPBEAR} is missing (apt-get install dropbear-bin)`
}

/** `options`: further words for its command line, such as -j (no local forwarding) and -k (no remote forwarding). */
export async function startDropbear(
  bench: Workbench,
  options: readonly string[] = [],
): Promise<{ readonly address: string; readonly port: number; readonly close: () => Promise<void> }> {
  const home = join(bench.folder, 'home')
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 })
  writeFileSync(join(home, '.ssh/authorized_keys'), `${bench.publicKey}\n`, { mode: 0o600 })
  const hostKey = join(bench.folder, 'dropbear_host_key')
  execFileSync('dropbearkey', ['-t', 'ed25519', '-f', hostKey], { stdio: 'ignore' })
  const port = await freePort()
  const words = ['-F', '-E', '-p', `127.0.0.1:${port}`, '-r', hostKey, '-P', join(bench.folder, 'dropbear.pid')]
  const script = 'mount --bind "$0" /root && exec "$@"'
  const child = spawn('unshare', ['-m', 'sh', '-c', script, home, DROPBEAR, ...words, ...options], { stdio: 'ignore' })
  const isListening = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
  await eventually(isListening, 'Dropbear listens')
  return {
    address: '127.0.0.1',
    port,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
