// Nodes on this machine, each a folder, whose connections can be cut and whose boots can be feigned.
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FleetError, parseNodeName, systemClock, type NodeName } from '../../../src/core/index.ts'
import { run, type FleetNode } from '../../../src/fleet/fleet-node.ts'
import { withOperatorLock, type OperatorLock, type OperatorLockOptions } from '../../../src/fleet/lock/operator-lock.ts'
import { lockStateOf } from '../../../src/fleet/lock/release-lock.ts'
import { fenced, type Claim, type LockState } from '../../../src/node/index.ts'
import { createLocalConnection, type Connection, type Transport } from '../../../src/ssh/index.ts'
import { removeTree } from '../local-node.ts'

const name = (number: number): NodeName => parseNodeName(`node${String(number).padStart(2, '0')}`)

/** `folder` holds one folder for each node. */
export function nodeIn(folder: string, number: number): FleetNode {
  const node = name(number)
  const target = { node, address: '127.0.0.1', port: 22, user: 'nobody', identities: [] }
  return { node, target, base: join(folder, node, 'photos'), slots: 1, env: {} }
}

export class LockLab implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'fleet-lock-'))
  /** Nodes that cannot be reached now. */
  readonly down = new Set<string>()
  readonly #open = new Map<Connection, string>()
  readonly transport: Transport = {
    connect: ({ node }) => {
      if (this.down.has(node))
        return Promise.reject(new FleetError('FLEET_SSH_LOST', `${node} is down`, { retryable: true }))
      const inner = createLocalConnection(node)
      const connection: Connection = {
        ...inner,
        exec: (commandLine, options) =>
          inner.exec(commandLine, options).catch((error: unknown) => {
            // What a cut looks like on a real connection.
            if (this.#open.has(connection)) throw error
            throw new FleetError('FLEET_SSH_LOST', `the connection to ${node} broke`, { retryable: true, cause: error })
          }),
      }
      this.#open.set(connection, node)
      return Promise.resolve(connection)
    },
    close: () => Promise.resolve(),
  }

  nodes(...numbers: number[]): FleetNode[] {
    return numbers.map((number) => nodeIn(this.folder, number))
  }

  lock<Value>(
    nodes: readonly FleetNode[],
    options: Partial<OperatorLockOptions>,
    work: (lock: OperatorLock) => Promise<Value>,
  ): Promise<Value> {
    const all = { command: 'fleet test', clock: systemClock, parallel: 10, waitMs: 0, createFolder: true, ...options }
    return withOperatorLock(this.transport, nodes, all, work)
  }

  /** Ends what runs on the node now, and whoever connects again finds it well. */
  async cut(node: FleetNode): Promise<void> {
    const cut = [...this.#open].filter(([, open]) => open === node.node).map(([connection]) => connection)
    for (const connection of cut) this.#open.delete(connection)
    await Promise.all(cut.map((connection) => connection.close()))
  }

  /** As after a reboot: its lock was written in another boot. */
  feignReboot(node: FleetNode): void {
    const file = join(node.base, 'etc/epoch.beat')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^boot=.*$/m, 'boot=11111111-2222-3333-4444-555555555555'))
  }

  async state(node: FleetNode): Promise<LockState> {
    return lockStateOf(createLocalConnection(node.node), node.base)
  }

  async holders(nodes: readonly FleetNode[]): Promise<(string | undefined)[]> {
    const states = await Promise.all(nodes.map((node) => this.state(node)))
    return states.map(({ holder }) => holder?.command)
  }

  /** Writes `content` to the node, if the fence lets it. */
  async change(node: FleetNode, claim: Claim, content: string): Promise<void> {
    await change(node, claim, content)
  }

  content(node: FleetNode): string | undefined {
    const file = join(node.base, 'effect')
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.keys()].map((connection) => connection.close()))
    removeTree(this.folder)
  }
}

export async function change(node: FleetNode, claim: Claim, content: string): Promise<void> {
  const script = 'fenced\nprintf "%s\\n" "$1" >"$base/effect"\n'
  const command = fenced({ name: 'change', base: node.base, script, args: [content] }, claim)
  await run(createLocalConnection(node.node), command)
}
