// The kit has to mean the same under every sh that a node may have, so its tests run under three of them.
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { findProgram } from '../support/requires-program.ts'

export interface Shell {
  readonly name: string
  /** Absolute path of a program that behaves as that shell when it is started. */
  readonly path: string
}

/** Those of dash, bash and busybox ash that this machine has; a missing one is named loudly. */
export function shellsHere(): readonly Shell[] {
  return ['dash', 'bash', 'busybox'].flatMap((name) => {
    const found = findProgram(name, `the kit under ${name}`)
    return found === undefined ? [] : [{ name, path: name === 'busybox' ? asSh(found) : found }]
  })
}

/** busybox decides by the name that it was called by. */
function asSh(busybox: string): string {
  const folder = join(tmpdir(), `fleet-ash-${randomUUID()}`)
  const path = join(folder, 'sh')
  // Hooks, because vitest runs neither of them when all tests are skipped.
  beforeAll(() => {
    mkdirSync(folder)
    symlinkSync(busybox, path)
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return path
}
