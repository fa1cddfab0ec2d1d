// fleet's own programs for a node, as bytes: POSIX sh, read from the folder beside this module.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface KitFile {
  /** Relative to the kit's folder on the node. */
  readonly name: string
  readonly mode: number
  readonly content: Buffer
}

/** Every program of the kit, sorted by name, so that the digest of the same kit is the same everywhere. */
export function kitFiles(): readonly KitFile[] {
  const folder = join(import.meta.dirname, 'kit')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sh'))
    .sort()
    .map((name) => ({ name, mode: 0o555, content: readFileSync(join(folder, name)) }))
}
