// A node on this machine: a home of its own, and a connection whose `sh` and tools can be chosen, because a node may have any.
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { runAnyway } from '../../src/fleet/fleet-node.ts'
import type { NodeCommand } from '../../src/node/index.ts'
import { createLocalConnection, type Connection, type ExecOptions, type ExecResult } from '../../src/ssh/index.ts'
import { findProgram } from '../support/requires-program.ts'

export interface LocalNode extends AsyncDisposable {
  readonly home: string
  /** As fleet.yml would say it: below the home of the user there. */
  readonly base: string
  /** The same, absolute. */
  readonly folder: string
  readonly connection: Connection
  run(command: NodeCommand, options?: ExecOptions): Promise<ExecResult>
}

/** `sh` is the path of the shell that nodes of this test have; `tools` a folder of programs that are found first. */
export function openLocalNode(options: { readonly sh?: string; readonly tools?: string } = {}): LocalNode {
  const home = mkdtempSync(join(tmpdir(), 'fleet it is '))
  const bin = join(home, 'bin')
  mkdirSync(bin)
  if (options.sh !== undefined) symlinkSync(options.sh, join(bin, 'sh'))
  const before = { HOME: process.env['HOME'], PATH: process.env['PATH'] }
  process.env['HOME'] = home
  process.env['PATH'] = [
    bin,
    ...(options.tools === undefined ? [] : [options.tools]),
    before.PATH ?? '/usr/bin:/bin',
  ].join(':')
  const connection = createLocalConnection(parseNodeName('here'))
  return {
    home,
    base: '~/.fleet/photos',
    folder: join(home, '.fleet', 'photos'),
    connection,
    run: async (command, execOptions) => {
      const { exitCode, signal, stdout, stderr } = await runAnyway(connection, command, execOptions)
      return { exitCode, signal, stdout, stderr }
    },
    [Symbol.asyncDispose]: async () => {
      await connection.close()
      Object.assign(process.env, before)
      removeTree(home)
    },
  }
}

/** Also what is read-only, as releases are. */
export function removeTree(folder: string): void {
  spawnSync('chmod', ['-R', 'u+rwX', folder])
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** A folder in which, while the tests of a file run, every tool is busybox's; undefined, and said loudly, where there is none. */
export function busyboxTools(): string | undefined {
  const busybox = findProgram('busybox', 'pushes to a node whose tools are those of busybox')
  if (busybox === undefined) return undefined
  const folder = join(tmpdir(), `fleet-busybox-${randomUUID()}`)
  // Hooks, because vitest runs neither of them when all tests are skipped.
  beforeAll(() => {
    mkdirSync(folder)
    spawnSync(busybox, ['--install', '-s', folder])
  })
  afterAll(() => {
    removeTree(folder)
  })
  return folder
}

/** Names below a folder that only a push in work may leave. */
export function unfinished(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?:^|\/)(?:\.incoming|[^/]*\.new$)/.test(name),
  )
}
