// A file that an operator wrote, as text: bounded, and certainly UTF-8.
import { readFileSync } from 'node:fs'
import { FleetError, messageOf } from '../core/index.ts'
import { invalidError } from './problem.ts'

/** Ten times what 100,000 hosts with variables of their own need. */
const MAX_FILE_BYTES = 64 * 1024 * 1024

/** Throws FLEET_CONFIG_NOT_FOUND with the remedy given, FLEET_CONFIG_UNREADABLE, or FLEET_CONFIG_INVALID when it is not UTF-8. */
export function readText(file: string, missing: { readonly what: string; readonly remedy: string }): string {
  const bytes = readBytes(file, missing)
  if (bytes.length > MAX_FILE_BYTES)
    throw unreadable(file, `expected at most ${MAX_FILE_BYTES} bytes, found ${bytes.length}`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw invalidError([{ file, line: 1, column: 1, message: 'expected UTF-8 text, found other bytes' }], cause)
  }
}

function readBytes(file: string, missing: { readonly what: string; readonly remedy: string }): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
      throw new FleetError('FLEET_CONFIG_NOT_FOUND', `expected ${missing.what} at ${file}, found no such file`, {
        remedy: missing.remedy,
        cause,
      })
    }
    throw unreadable(file, messageOf(cause), cause)
  }
}

function unreadable(file: string, reason: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_CONFIG_UNREADABLE', `cannot read ${file}: ${reason}`, {
    remedy: `see that ${file} is a readable text file`,
    cause,
  })
}
