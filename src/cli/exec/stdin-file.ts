// One input for all nodes. It is opened once, so that all of them read the same bytes whatever becomes of the name; what can be
// read only once (a pipe) is copied to a file without a name first.
import { fstatSync } from 'node:fs'
import { mkdtemp, open, rm, rmdir, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { FleetError, messageOf } from '../../core/index.ts'

export interface StdinFile {
  /** From its beginning, independent of all others. */
  readonly read: () => Readable
  /** Waits for reads that are under way. */
  readonly close: () => Promise<void>
}

/** Of one read. Bytes; what `feed` gives a channel in one piece. */
const PIECE_BYTES = 256 * 1024

/** `-` is this process's own stdin. Throws FLEET_CLI_BAD_FILE. */
export async function openStdinFile(path: string): Promise<StdinFile> {
  try {
    const handle = path === '-' ? await spoolOwn() : await openFile(path)
    return { read: () => Readable.from(piecesOf(handle), { objectMode: false }), close: () => handle.close() }
  } catch (error) {
    throw new FleetError('FLEET_CLI_BAD_FILE', `expected to read ${path} for --stdin: ${messageOf(error)}`, {
      remedy: 'name a file that you may read, or - for the input of fleet itself',
      cause: error,
    })
  }
}

/** Not `fs.createReadStream`: destroying one closes the descriptor that all of them share, whatever `autoClose` says. */
async function* piecesOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.allocUnsafe(PIECE_BYTES), position })
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** Node reads a folder as if it were empty. */
async function spoolOwn(): Promise<FileHandle> {
  if (fstatSync(0).isDirectory()) throw new Error('it is a folder')
  return spool(process.stdin)
}

async function openFile(path: string): Promise<FileHandle> {
  const handle = await open(path, 'r')
  try {
    const kind = await handle.stat()
    if (kind.isFile()) return handle
    if (kind.isDirectory()) throw new Error('it is a folder')
    const spooled = await spool(handle.createReadStream({ autoClose: false }))
    await handle.close()
    return spooled
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function spool(input: Readable): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-stdin-'))
  const file = join(folder, 'stdin')
  const handle = await open(file, 'wx+', 0o600)
  await rm(file)
  await rmdir(folder)
  try {
    for await (const chunk of input) await handle.writeFile(chunk as Buffer)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}
