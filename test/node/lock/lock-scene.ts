// One node with an operator lock, and operators who ask for it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  fenced,
  lockStateCommand,
  parseLockState,
  renewLockCommand,
  takeLockCommand,
  type Claim,
  type Holder,
  type LockRequest,
  type LockState,
} from '../../../src/node/index.ts'
import type { ExecResult } from '../../../src/ssh/index.ts'
import { openLocalNode, type LocalNode } from '../../fleet/local-node.ts'

const MINUTE_MS = 60_000

export function request(token: string, changes: Partial<LockRequest> = {}): LockRequest {
  return {
    token,
    who: 'ann',
    host: 'laptop',
    command: `fleet push ${token}`,
    since: '2026-11-23T02:00:00Z',
    process: 'boot:4026531836:17:42',
    ttlMs: MINUTE_MS,
    createFolder: true,
    ...changes,
  }
}

export class LockScene implements AsyncDisposable {
  readonly node: LocalNode

  constructor(sh: string, tools?: string) {
    this.node = openLocalNode({ sh, ...(tools === undefined ? {} : { tools }) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]()
  }

  take(token: string, changes: Partial<LockRequest> = {}): Promise<ExecResult> {
    return this.node.run(takeLockCommand(this.node.base, request(token, changes)))
  }

  /** Takes it, and insists on having it. */
  async hold(token: string, changes: Partial<LockRequest> = {}): Promise<Holder> {
    const result = await this.take(token, changes)
    if (result.exitCode !== 0) throw new Error(`expected ${token} to get the lock: ${result.stdout} ${result.stderr}`)
    return { epoch: parseLockState(result.stdout).epoch, token }
  }

  renew(holder: Holder, ttlMs = MINUTE_MS): Promise<ExecResult> {
    return this.node.run(renewLockCommand(this.node.base, holder, ttlMs))
  }

  async state(): Promise<LockState> {
    return parseLockState((await this.node.run(lockStateCommand(this.node.base))).stdout)
  }

  /** Resolves once the lock has expired by the node's clock. */
  async expiry(): Promise<void> {
    for (;;) if (((await this.state()).holder?.expiresInS ?? 1) <= 0) return
  }

  /** Runs a script that calls `fenced`. */
  change(script: string, claim: Claim, args: readonly string[] = []): Promise<ExecResult> {
    return this.node.run(fenced({ name: 'change', base: this.node.base, script, args }, claim))
  }

  file(name: string): string {
    return join(this.node.folder, 'etc', name)
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8')
  }

  write(name: string, content: string): void {
    mkdirSync(join(this.node.folder, 'etc'), { recursive: true })
    writeFileSync(this.file(name), content)
  }

  has(name: string): boolean {
    return existsSync(this.file(name))
  }
}
