// known_hosts on disk. Reading is fail-closed: a file that is there but cannot be read stops the connection, because it
// might revoke the key. Writing is one O_APPEND write of one whole line: the kernel puts each at the end, whoever else
// writes. A rewrite with rename would lose the lines that an ssh client appends meanwhile (OpenSSH takes no lock), and would
// replace a symbolic link by a file.
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FleetError, messageOf } from '../core/index.ts'
import { knownHostsLine, parseKnownHosts, type KnownHosts } from './known-hosts.ts'
import { codeOf } from './ssh-error.ts'

/** All files as one. A file that does not exist is empty. Throws FLEET_SSH_KNOWN_HOSTS. */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHosts> {
  const all = await Promise.all(files.map(async (file) => parseKnownHosts(await readIfThere(file), file)))
  return { lines: all.flatMap((one) => one.lines), broken: all.flatMap((one) => one.broken) }
}

/** Adds the key of a server, durably. The file is made with mode 0600, its folder with 0700, if they are missing. Throws FLEET_SSH_KNOWN_HOSTS. */
export async function appendKnownHost(file: string, address: string, port: number, blob: Buffer): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(file, 'a+', 0o600)
    try {
      const { size } = await handle.stat()
      const last = Buffer.alloc(1, '\n')
      if (size > 0) await handle.read(last, 0, 1, size - 1)
      const line = Buffer.from(`${last.toString() === '\n' ? '' : '\n'}${knownHostsLine(address, port, blob)}\n`)
      const { bytesWritten } = await handle.write(line)
      if (bytesWritten < line.length) throw new Error(`only ${bytesWritten} of ${line.length} bytes were written`)
      await handle.datasync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new FleetError('FLEET_SSH_KNOWN_HOSTS', `expected to add a host key to ${file}: ${messageOf(error)}`, {
      remedy: 'make the file and its folder writable for you, or name another known_hosts file',
      cause: error,
    })
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw new FleetError('FLEET_SSH_KNOWN_HOSTS', `expected to read the host keys in ${file}: ${messageOf(error)}`, {
      remedy: `make ${file} readable for you; without it no host can be trusted`,
      cause: error,
    })
  }
}
