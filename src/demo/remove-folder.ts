// Removing what a job left in a folder: complete releases are read-only, and only root may delete in such folders as they are.
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Harmless when it is not there. */
export async function removeFolder(folder: string): Promise<void> {
  await makeWritable(folder)
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

async function makeWritable(folder: string): Promise<void> {
  // What a process that is just ending takes away meanwhile need not be writable.
  await chmod(folder, 0o700).catch(() => undefined)
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name))
  }
}
