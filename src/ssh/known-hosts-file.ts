// known_hosts on disk. Reading is fail-closed: a file that is there but cannot be read stops the connection, because it
// might revoke the key. Writing is one O_APPEND write of whole lines: the kernel puts each write at the end, whoever else
// writes. A rewrite with rename would lose the lines that an ssh client appends meanwhile (OpenSSH takes no lock), and would
// replace a symbolic link by a file.
import type { BigIntStats } from 'node:fs'
import { mkdir, open, readFile, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FleetError, messageOf } from '../core/index.ts'
import { joinKnownHosts, parseKnownHosts, type KnownHosts } from './known-hosts.ts'
import { codeOf } from './ssh-error.ts'

export interface KnownHostsReader {
  /** All files as one, as they are now. A file that does not exist is empty, and so is a device (`/dev/null`). Throws FLEET_SSH_KNOWN_HOSTS. */
  read(files: readonly string[]): Promise<KnownHosts>
}

/** Parses a file again only when it has changed: its size, its times, or which file it is. */
export function createKnownHostsReader(): KnownHostsReader {
  const held = new Map<string, { readonly version: string; readonly content: Promise<KnownHosts> }>()

  const readOne = async (file: string): Promise<KnownHosts> => {
    const stats = await statIfThere(file)
    const version = stats === undefined ? 'none' : versionOf(stats)
    const before = held.get(file)
    if (before?.version === version) return await before.content
    // Read after the look at its version: what changes in between is read again next time.
    const content = load(file, stats)
    held.set(file, { version, content })
    content.catch(() => held.delete(file))
    return await content
  }

  return { read: async (files) => joinKnownHosts(await Promise.all(files.map(readOne))) }
}

/**
 * Adds lines (without newlines), durably; after a failure none of them is there. The file is made with mode 0600, its folder
 * with 0700, if they are missing. A device takes them and keeps nothing. Throws FLEET_SSH_KNOWN_HOSTS.
 */
export async function appendToKnownHosts(file: string, lines: readonly string[]): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(file, 'a+', 0o600)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) return
      await appendWhole(handle, stats.size, lines)
      await handle.datasync()
      if (stats.size === 0) await syncFolder(dirname(file))
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

async function appendWhole(handle: FileHandle, size: number, lines: readonly string[]): Promise<void> {
  const last = Buffer.alloc(1, '\n')
  if (size > 0) await handle.read(last, 0, 1, size - 1)
  const text = Buffer.from(`${last.toString() === '\n' ? '' : '\n'}${lines.map((line) => `${line}\n`).join('')}`)
  const { bytesWritten } = await handle.write(text)
  if (bytesWritten === text.length) return
  // A disk that is full takes the first part: half a key would make its server look changed for ever.
  if ((await handle.stat()).size === size + bytesWritten) await handle.truncate(size)
  throw new Error(`only ${bytesWritten} of ${text.length} bytes were written; is the disk full?`)
}

/** A file that is new survives power loss only with its entry in the folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function statIfThere(file: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(file, { bigint: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unreadableError(file, error)
  }
}

function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

async function load(file: string, stats: BigIntStats | undefined): Promise<KnownHosts> {
  if (stats === undefined || stats.isCharacterDevice()) return parseKnownHosts('', file)
  // A pipe would keep us waiting, and could be read only once.
  if (!stats.isFile()) throw unreadableError(file, new Error('it is not a file'))
  try {
    return parseKnownHosts(await readFile(file, 'utf8'), file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return parseKnownHosts('', file)
    throw unreadableError(file, error)
  }
}

function unreadableError(file: string, cause: unknown): FleetError {
  return new FleetError('FLEET_SSH_KNOWN_HOSTS', `expected to read the host keys in ${file}: ${messageOf(cause)}`, {
    remedy: `make ${file} readable for you; without it no host can be trusted`,
    cause,
  })
}
