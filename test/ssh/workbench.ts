// What the tests of this room share: temporary folders with keys, targets, and a way to wait for a condition.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'vitest'
import { FleetError, parseNodeName, type FleetErrorCode } from '../../src/core/index.ts'
import {
  createSsh2Transport,
  generateKeyPair,
  type Ssh2TransportOptions,
  type Target,
  type Transport,
} from '../../src/ssh/index.ts'

export interface Workbench {
  readonly folder: string
  /** A private key file that `publicKey` belongs to. */
  readonly identity: string
  readonly publicKey: string
  readonly knownHosts: string
  write(name: string, text: string, mode?: number): string
  target(at: { address: string; port: number }, changes?: Partial<Target>): Target
  transport(options?: Partial<Ssh2TransportOptions> & { acceptNew?: boolean }): Transport
  readonly remove: () => void
}

export function createWorkbench(): Workbench {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-ssh-'))
  const pair = generateKeyPair('workbench')
  const write = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(join(folder, name), text, { mode })
    return join(folder, name)
  }
  const identity = write('id', pair.private)
  const knownHosts = write('known_hosts', '')
  return {
    folder,
    identity,
    publicKey: pair.public,
    knownHosts,
    write,
    target: ({ address, port }, changes = {}) => {
      return { node: parseNodeName('n1'), address, port, user: 'root', identities: [identity], ...changes }
    },
    transport: ({ acceptNew = false, ...options } = {}) =>
      createSsh2Transport({
        knownHosts: { files: [knownHosts], acceptNew },
        ...options,
        timers: { backoffMs: [20, 500], ...options.timers },
      }),
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The FleetError that `promise` is rejected with; fails the test when it resolves or has another code. */
export async function errorOf(promise: Promise<unknown>, code: FleetErrorCode): Promise<FleetError> {
  const outcome: unknown = await promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  )
  if (!(outcome instanceof FleetError))
    throw new Error(`expected ${code}, got ${JSON.stringify(outcome)} ${String(outcome)}`)
  expect(outcome.code, outcome.message).toBe(code)
  return outcome
}

/** Waits until `condition` holds, looking every 10 ms. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** TCP connections of this process that are open now. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

/** An input that never says anything and never ends: `cat` with it waits until its channel closes, and leaves nothing behind. */
export function silence(): Readable {
  return new Readable({ read: () => undefined })
}

/** A process that is dead and not yet buried (a zombie) is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
