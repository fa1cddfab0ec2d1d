// The kit has to mean the same under every sh that a node may have, so its tests run under three of them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'

export interface Shell {
  readonly name: string
  /** Absolute path of a program that behaves as that shell when it is started. */
  readonly path: string
}

/** Those of dash, bash and busybox ash that this machine has; a missing one is named loudly. */
export function shellsHere(): readonly Shell[] {
  return ['dash', 'bash', 'busybox'].flatMap((name) => {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    if (found === '') {
      process.stderr.write(`SKIPPED: the kit's tests under ${name}, which is not installed here\n`)
      return []
    }
    return [{ name, path: name === 'busybox' ? asSh(found) : found }]
  })
}

/** busybox decides by the name that it was called by. */
function asSh(busybox: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'fleet-ash-')), 'sh')
  symlinkSync(busybox, path)
  afterAll(() => {
    rmSync(dirname(path), { recursive: true, force: true })
  })
  return path
}
