// Real OpenSSH hosts for tests: a typed face for lab.sh, which does the work and says what a node is.
// A lab lives as long as the process that started it, whichever way that process ends, and leaves nothing behind.
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { processesBelow, type NodeProcess } from './node-processes.ts'

const LAB_SH = join(import.meta.dirname, 'lab.sh')

export interface LabOptions {
  /** 1 to 250. */
  readonly nodes: number
  /** Lines of sshd_config, for example `MaxStartups 3:50:10`. */
  readonly sshdOptions?: readonly string[]
  /** The root folder of another Linux that the nodes run instead of this machine's own. */
  readonly tree?: string
}

export interface LabNode {
  /** `node01`, `node02`, ... */
  readonly name: string
  readonly address: string
  readonly port: number
  /** A private key without passphrase that lets `root` and `deploy` in. */
  readonly keyFile: string
}

export interface RunResult {
  /** 128 + the signal's number when a signal ended the command. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Nodes are named by their number, from 1. A call returns when what it says has happened. */
export interface Lab extends AsyncDisposable {
  readonly nodes: readonly LabNode[]
  /** This machine, as the nodes see it. */
  readonly controlAddress: string
  /** The host keys of all nodes. */
  readonly knownHostsFile: string
  readonly keyFile: string
  /** One folder that every node has at `onNodes` and this machine at `here`; anybody may write. */
  readonly shared: { readonly here: string; readonly onNodes: string }
  /** An inventory of all nodes in fleet's own form. `user` is root (the default) or deploy. */
  inventoryYml(user?: 'root' | 'deploy'): string
  /** The lines that sshd and the node's console printed so far. */
  consoleLog(node: number): string
  /** Power off without warning; files survive. */
  kill(node: number): Promise<void>
  /** Returns when sshd listens. A node that is on stays as it is. */
  start(node: number): Promise<void>
  reboot(node: number): Promise<void>
  /** A machine that hangs: every process is stopped, TCP stays up. */
  pause(node: number): Promise<void>
  resume(node: number): Promise<void>
  /** Pulls the network cable. */
  cut(node: number): Promise<void>
  restore(node: number): Promise<void>
  /** Limits what the node receives, in Mbit/s; 0 removes the limit. */
  rate(node: number, megabitsPerSecond: number): Promise<void>
  /** Runs a command line as root inside the node, without SSH. A non-zero exit is a result. */
  run(node: number, commandLine: string): Promise<RunResult>
  /** Everything that runs in the node; empty when it is off. */
  processes(node: number): readonly NodeProcess[]
  /** Removes everything. May be called twice. */
  dispose(): Promise<void>
}

/** Undefined when labs can run on this machine, else the reason why not. */
export function whyNoLab(): string | undefined {
  const check = spawnSync(LAB_SH, ['check'], { encoding: 'utf8' })
  if (check.status === 0) return undefined
  return check.error?.message ?? check.stderr.trim().replace(/^lab\.sh: /, '')
}

/** Starts the nodes and returns when each has its sshd: about a third of a second per node. */
export async function startLab(options: LabOptions): Promise<Lab> {
  // A session of its own, so that Ctrl-C reaches the tests and not the one that cleans up after them.
  const attendant = spawn(LAB_SH, ['attend', String(options.nodes), ...(options.sshdOptions ?? [])], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, FLEET_LAB_TREE: options.tree ?? '' },
  })
  let said = ''
  attendant.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const facts = await readFacts(attendant.stdout)
  if (facts === undefined) {
    await ended(attendant)
    throw new Error(`expected a lab of ${options.nodes} nodes, lab.sh said: ${said}`)
  }
  return labFrom(facts, attendant)
}

interface LabFacts {
  number: string
  state: string
  controlAddress: string
  nodes: { name: string; address: string }[]
}

async function readFacts(output: NodeJS.ReadableStream): Promise<LabFacts | undefined> {
  const facts: LabFacts = { number: '', state: '', controlAddress: '', nodes: [] }
  for await (const line of createInterface(output)) {
    const [word, first = '', second = ''] = line.split(' ')
    if (word === 'lab') facts.number = first
    else if (word === 'state') facts.state = first
    else if (word === 'control') facts.controlAddress = first
    else if (word === 'node') facts.nodes.push({ name: first, address: second })
    else if (word === 'ready') return facts
  }
  return undefined
}

function labFrom(facts: LabFacts, attendant: ChildProcess): Lab {
  const keyFile = join(facts.state, 'id_ed25519')
  const nodes = facts.nodes.map(({ name, address }) => ({ name, address, port: 22, keyFile }))
  const folder = (node: number): string => join(facts.state, 'nodes', String(node))
  const control = async (command: string, node: number, ...more: string[]): Promise<void> => {
    const result = await labSh(facts.number, command, String(node), ...more)
    if (result.exitCode !== 0) throw new Error(`lab.sh ${command} ${node}: ${result.stderr}`)
  }
  const dispose = async (): Promise<void> => {
    attendant.stdin?.end()
    await ended(attendant)
  }
  return {
    nodes,
    controlAddress: facts.controlAddress,
    knownHostsFile: join(facts.state, 'known_hosts'),
    keyFile,
    shared: { here: join(facts.state, 'shared'), onNodes: '/srv/shared' },
    inventoryYml: (user = 'root') =>
      [
        `defaults: { user: ${user}, port: 22, identity: ${keyFile} }`,
        'hosts:',
        ...nodes.map(({ name, address }) => `  ${name}: { address: ${address} }`),
        '',
      ].join('\n'),
    consoleLog: (node) => readFileSync(join(folder(node), 'console.log'), 'utf8'),
    kill: (node) => control('kill', node),
    start: (node) => control('start', node),
    reboot: (node) => control('reboot', node),
    pause: (node) => control('pause', node),
    resume: (node) => control('resume', node),
    cut: (node) => control('netdown', node),
    restore: (node) => control('netup', node),
    rate: (node, megabitsPerSecond) => control('rate', node, String(megabitsPerSecond)),
    run: (node, commandLine) => labSh(facts.number, 'sh', String(node), commandLine),
    processes: (node) => processesBelow(join(folder(node), 'pid1')),
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

function labSh(number: string, ...args: readonly string[]): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    execFile(LAB_SH, ['-l', number, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve({ exitCode: 0, stdout, stderr })
      else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr })
      else if (error.signal) resolve({ exitCode: 128 + constants.signals[error.signal], stdout, stderr })
      else reject(new Error(`expected lab.sh to run: ${error.message}`, { cause: error }))
    })
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
