// What is pushed. Every payload differs from the one before, so that nothing of it is on the nodes.
import { randomBytes, randomFillSync } from 'node:crypto'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PAYLOAD } from './contenders.ts'

/** Writes a payload into a folder. */
export type WritePayload = (folder: string) => Promise<void>

const MB = 1_000_000
const ONE_FILE_BYTES = 50 * MB
const ELF_BYTES = 90 * MB
export const FILES = 500
const FILE_BYTES = 20_000

/** No compression makes it smaller. */
export async function writeOneFile(folder: string): Promise<void> {
  await writeFile(join(folder, PAYLOAD), randomBytes(ONE_FILE_BYTES))
}

export const ONE_FILE_MB = ONE_FILE_BYTES / MB

/** The beginning of this Node, a real program for this machine, with a few bytes of each megabyte changed. */
export async function writeElf(folder: string): Promise<void> {
  const bytes = Buffer.alloc(ELF_BYTES)
  const file = await open(process.execPath)
  try {
    const { bytesRead } = await file.read(bytes, 0, ELF_BYTES, 0)
    if (bytesRead < ELF_BYTES) throw new Error(`expected ${process.execPath} to have ${ELF_BYTES} bytes`)
  } finally {
    await file.close()
  }
  for (let at = MB; at < ELF_BYTES; at += MB) randomFillSync(bytes, at, 64)
  await writeFile(join(folder, PAYLOAD), bytes, { mode: 0o755 })
}

export async function writeFiles(folder: string): Promise<void> {
  await mkdir(join(folder, PAYLOAD), { recursive: true })
  for (let number = 1; number <= FILES; number += 1) await writeFile(fileAt(folder, number), randomBytes(FILE_BYTES))
}

/** As large as it was. */
export async function changeOneFile(folder: string): Promise<void> {
  await writeFile(fileAt(folder, Math.ceil(FILES / 2)), randomBytes(FILE_BYTES))
}

/** Everything stays. */
export async function changeNothing(): Promise<void> {
  await Promise.resolve()
}

function fileAt(folder: string, number: number): string {
  return join(folder, PAYLOAD, `file-${String(number).padStart(3, '0')}`)
}
