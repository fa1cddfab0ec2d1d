// One fleet at a time records host keys in one file, so that two runs that meet the same new nodes leave one line for each.
// The lock is an address that the kernel gives to one process and takes back when that process ends, however it ends (an
// abstract Unix socket, unix(7), on Linux): nothing is left on disk and nothing can be stale. It is a courtesy: without it
// (another system, another network namespace, a holder that is stuck) lines are still whole and at worst written twice,
// which does no harm.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { realpath } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { codeOf } from './ssh-error.ts'

/** `waitMs`: how long another holder is waited for. */
export async function withKnownHostsLock<T>(file: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const lock = await take(await lockName(file), performance.now() + waitMs)
  try {
    return await work()
  } finally {
    lock?.close()
  }
}

async function take(name: string, deadlineMs: number): Promise<Server | undefined> {
  if (process.platform !== 'linux') return undefined
  for (;;) {
    const server = createServer((socket) => socket.destroy())
    try {
      server.listen(name)
      await once(server, 'listening')
      return server
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE' || performance.now() >= deadlineMs) return undefined
    }
    await pause(POLL_MS)
  }
}

/** A record takes a few milliseconds, most of them for the disk. */
const POLL_MS = 5

/** The same for one file by whatever path; sockets have short names, so it is hashed. */
async function lockName(file: string): Promise<string> {
  const path = await realpath(file).catch(() => file)
  return `\0fleet-known-hosts-${createHash('sha256').update(path).digest('hex')}`
}
