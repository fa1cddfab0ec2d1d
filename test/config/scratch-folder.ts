// A folder for the files of one test, removed afterwards.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { FleetError } from '../../src/core/index.ts'

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-config-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/** Writes `text` to `name` in a fresh folder; the path. */
export function scratchFile(name: string, text: string | Uint8Array): string {
  const file = join(scratchFolder(), name)
  writeFileSync(file, text)
  return file
}

/** The FleetError that `action` throws; anything else fails the test. */
export function thrownBy(action: () => unknown): FleetError {
  try {
    action()
  } catch (error) {
    if (error instanceof FleetError) return error
    throw error
  }
  throw new Error('expected a FleetError, nothing was thrown')
}

/** The lines of the refusal, without the folder of the file. */
export function refusalLines(error: FleetError, file: string): readonly string[] {
  return error.message.split('\n').map((line) => line.replace(`${file}:`, ''))
}
