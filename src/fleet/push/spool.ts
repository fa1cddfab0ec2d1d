// A place on the disk for a pack that is too large for memory. The file loses its name as soon as it is open: when we end, however
// we end, the kernel frees it, and what a name still stands for is of no use to anybody.
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { FleetError, messageOf } from '../../core/index.ts'
import { streamOf } from './stream-of.ts'

export interface Spool {
  readonly sizeBytes: number
  /** All of it, from its beginning. May be called any number of times, side by side. */
  readonly open: () => Readable
  /** Frees the room. Streams that are still being read fail. */
  readonly close: () => Promise<void>
}

const CHUNK_BYTES = 128 * 1024
const NAME = /^fleet-pack-[0-9a-f-]{36}$/

/**
 * Writes all of `source`, at the speed of the disk, to a file below `folder`, which is created when needed (0700). What `source`
 * throws is passed on; what the disk says is FLEET_RELEASE_SPOOL. Leaves nothing behind then.
 */
export async function spool(folder: string, source: AsyncIterable<Buffer>): Promise<Spool> {
  const atDisk = async <Value>(call: () => Promise<Value>): Promise<Value> => call().catch(spoolError(folder))
  const handle = await atDisk(() => openNameless(folder))
  let sizeBytes = 0
  try {
    for await (const chunk of source) {
      await atDisk(() => writeAll(handle, chunk))
      sizeBytes += chunk.length
    }
  } catch (error) {
    await handle.close()
    throw error
  }
  return {
    sizeBytes,
    open: () => streamOf(chunksOf(handle, sizeBytes)),
    close: () => handle.close(),
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await sweep(folder)
  const path = join(folder, `fleet-pack-${randomUUID()}`)
  const handle = await open(path, 'wx+', 0o600)
  await rm(path, { force: true })
  return handle
}

/** Only a run that was killed in the moment before its file lost its name leaves one. Taking it from one that lives does no harm. */
async function sweep(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => NAME.test(name))
  // In a folder that others write to, some are not ours to remove.
  await Promise.allSettled(names.map((name) => rm(join(folder, name))))
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten
}

async function* chunksOf(handle: FileHandle, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < sizeBytes;) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, sizeBytes - at))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) throw new Error('the spooled pack is shorter than it was written')
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

function spoolError(folder: string): (cause: unknown) => never {
  return (cause) => {
    throw new FleetError(
      'FLEET_RELEASE_SPOOL',
      `expected to write the compressed release below ${folder}: ${messageOf(cause)}`,
      { remedy: 'free space there, or correct the owner and the permissions of the folder', cause },
    )
  }
}
