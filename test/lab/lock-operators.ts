// Operators with the same job on the same hosts, each with a folder, and the real command line of each as a process that can be
// stopped, killed and interrupted.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import type { Lab } from './lab.ts'

const FLEET = join(import.meta.dirname, '../../bin/fleet')

export interface Run {
  readonly child: ChildProcess
  /** `exitCode` undefined: ended by a signal. */
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string }>
}

export interface LockOperator extends AsyncDisposable {
  readonly folder: string
  /** Starts `fleet ...ARGS` and returns at once. */
  begin(...args: readonly string[]): Run
  /** Runs it to its end. */
  fleet(...args: readonly string[]): Run['ended']
  /** Resolves once this operator sees the lock as `isSo` wants it. */
  untilLock(isSo: (nodes: readonly LockRecord[]) => boolean): Promise<readonly LockRecord[]>
}

export interface LockRecord {
  readonly node: string
  readonly epoch: number
  readonly held: boolean
  readonly command: string | null
  readonly expires_in_s: number | null
}

const WITHOUT_NODES = new Set(['dispatcher', 'ids'])

/** `content` makes the release of this operator another one; an ID takes `seconds`. */
export async function createLockOperator(lab: Lab, content: string, seconds = 600): Promise<LockOperator> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-lock-operator-'))
  await writeFile(join(folder, 'inventory.yml'), lab.inventoryYml())
  await writeFile(join(folder, 'work.sh'), `#!/bin/sh\n# ${content}\nexec sleep ${seconds}\n`, { mode: 0o755 })
  await writeFile(
    join(folder, 'fleet.yml'),
    `job: locked
release: { files: [work.sh] }
worker: { kind: exec, command: [./work.sh, "{id}"], slots: 2, keeper: none, grace: 1s }
dispatcher: { listen: "${lab.controlAddress}:${await freePort(lab.controlAddress)}" }
`,
  )
  const begin = (...args: readonly string[]): Run => {
    const flags = WITHOUT_NODES.has(args[0] ?? '') ? [] : ['--known-hosts', lab.knownHostsFile]
    const child = spawn(FLEET, [...args, ...flags], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    const printed = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return {
      child,
      ended: printed.then(([stdout, stderr]) => ({ exitCode: child.exitCode ?? undefined, stdout, stderr })),
    }
  }
  const fleet = (...args: readonly string[]): Run['ended'] => begin(...args).ended
  return {
    folder,
    begin,
    fleet,
    untilLock: async (isSo) => {
      const deadlineMs = performance.now() + 120_000
      for (;;) {
        const { stdout, stderr } = await fleet('lock', 'status', '--json')
        const { nodes } = JSON.parse(stdout) as { nodes?: readonly LockRecord[] }
        if (nodes !== undefined && isSo(nodes)) return nodes
        if (performance.now() > deadlineMs)
          throw new Error(`expected another state of the lock than ${stdout}${stderr}`)
        await sleep(100)
      }
    },
    [Symbol.asyncDispose]: async () => {
      await fleet('dispatcher', 'stop')
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
