// Everybody who brings something to all nodes, ten at a time: whole programs with their own start, all told to check host keys against
// the same file and to use the same key. What is brought is always `payload`, a file or a folder of the folder they start in.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lab } from '../../test/lab/lab.ts'
import type { Contender } from '../exec/contenders.ts'
import type { Peer } from '../exec/install-peers.ts'
import { sshOptions } from '../ssh-options.ts'

export const PAYLOAD = 'payload'
export const FLEET_PUSH = 'fleet push'
export const CLUSH = 'clush --copy'
export const SCP = 'scp'
export const RSYNC = 'rsync'
export const RSYNC_ZSTD = 'rsync -z --zc=zstd'
export const ANSIBLE = 'ansible copy'
/** Of these the best one counts. None of them verifies what arrived, or flushes it to the disk. */
export const UNCOMPRESSED: readonly string[] = [CLUSH, SCP, RSYNC, ANSIBLE]

export const PUSH_PEERS: readonly Peer[] = [
  { name: CLUSH, debianPackage: 'clustershell', probe: ['clush', '--version'] },
  { name: RSYNC, debianPackage: 'rsync', probe: ['rsync', '--version'] },
  { name: RSYNC_ZSTD, debianPackage: 'rsync', probe: ['rsync', '--zc=zstd', '--version'] },
  { name: ANSIBLE, debianPackage: 'ansible-core', probe: ['ansible', '--version'] },
]

export interface Pusher extends Contender {
  /** The folder of a node that all of it goes to. */
  readonly target: string
  /** Takes so long that it runs once, whatever the others do. */
  readonly isSlow: boolean
}

const PARALLEL = '10'
const FLEET = fileURLToPath(new URL('../../bin/fleet', import.meta.url))
const FLEET_YML = `job: bench
release: { files: [${PAYLOAD}] }
worker: { kind: native, command: [/bin/true] }
`
/** An agent would be one more thing that differs from machine to machine. */
const NO_AGENT = { SSH_AUTH_SOCK: undefined }

/** `folder`: absolute; compiled code is kept there. What it starts in must be a folder that `prepareJob` has prepared. */
export function fleetPush(knownHostsFile: string, folder: string): Pusher {
  return {
    name: FLEET_PUSH,
    command: [FLEET, 'push', '--json', '--known-hosts', knownHostsFile],
    env: { ...NO_AGENT, XDG_CACHE_HOME: join(folder, 'cache') },
    // Its own programs stay there from the uncounted first run on, as those of the peers do.
    target: '/root/.fleet/bench/releases',
    isSlow: false,
  }
}

/** Makes `folder` one in which `fleet push` finds its job. */
export async function prepareJob(folder: string, inventoryYml: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'fleet.yml'), FLEET_YML)
  await writeFile(join(folder, 'inventory.yml'), inventoryYml)
}

/** Why a push was none, by what it printed; undefined when every node is well. */
export function whyNotPushed(stdout: string, nodes: number): string | undefined {
  try {
    const document: unknown = JSON.parse(stdout)
    const results: unknown = typeof document === 'object' && document !== null && Reflect.get(document, 'nodes')
    if (!Array.isArray(results)) return `expected one JSON document with nodes, got ${stdout.slice(0, 200)}`
    const well = results.filter(
      (one: unknown) => typeof one === 'object' && one !== null && Reflect.get(one, 'ok') === true,
    )
    return well.length === nodes ? undefined : `expected ${nodes} nodes to be well, ${well.length} are`
  } catch {
    return `expected one JSON document, got ${stdout.slice(0, 200)}`
  }
}

/** Writes into `folder` what they want to read from files. */
export async function pushPeers(lab: Lab, folder: string): Promise<readonly Pusher[]> {
  const options = sshOptions(lab)
  const addresses = lab.nodes.map(({ address }) => address)
  const hosts = join(folder, 'addresses')
  await writeFile(hosts, addresses.map((address) => `${address}\n`).join(''))
  // xargs reads the addresses from a file: what a contender reads on stdin is nothing.
  const each = (...command: string[]): string[] => ['xargs', '-a', hosts, `-P${PARALLEL}`, '-I{}', ...command]
  const rsync = (name: string, slug: string, ...flags: string[]): Pusher => {
    const target = `/root/${slug}`
    const ssh = ['ssh', ...options].join(' ')
    const command = each('rsync', '-a', ...flags, '-e', ssh, PAYLOAD, `root@{}:${target}/`)
    return { name, command, env: NO_AGENT, target, isSlow: false }
  }
  return [
    {
      name: CLUSH,
      command: [
        ...['clush', '-q', '-S', '-f', PARALLEL, '-w', addresses.join(','), '-l', 'root', '-o', options.join(' ')],
        ...['--copy', PAYLOAD, '--dest', '/root/by-clush/'],
      ],
      env: NO_AGENT,
      target: '/root/by-clush',
      isSlow: false,
    },
    {
      name: SCP,
      command: each('scp', '-q', '-r', ...options, PAYLOAD, 'root@{}:/root/by-scp/'),
      env: NO_AGENT,
      target: '/root/by-scp',
      isSlow: false,
    },
    rsync(RSYNC, 'by-rsync'),
    rsync(RSYNC_ZSTD, 'by-rsync-zstd', '-z', '--zc=zstd'),
    await ansible(lab, hosts, folder),
  ]
}

/** At its best: with pipelining, and without the compression of its default ssh_args, which costs it three times as long. */
async function ansible(lab: Lab, hosts: string, folder: string): Promise<Pusher> {
  const config = join(folder, 'ansible.cfg')
  // Its several connections to a node are one, as by default, but the last of them is gone soon after it.
  const sshArgs = `${sshOptions(lab).join(' ')} -o ControlMaster=auto -o ControlPersist=5s`
  const lines = ['[ssh_connection]', 'pipelining = True', `ssh_args = ${sshArgs}`, `control_path_dir = ${folder}/cp`]
  await writeFile(config, `${lines.join('\n')}\n`)
  const target = '/root/by-ansible'
  return {
    name: ANSIBLE,
    command: [
      ...['ansible', '-i', hosts, 'all', '-u', 'root', '-f', PARALLEL, '--private-key', lab.keyFile],
      ...['-m', 'copy', '-a', `src=${PAYLOAD} dest=${target}/`],
    ],
    env: { ...NO_AGENT, ANSIBLE_CONFIG: config, ANSIBLE_HOME: join(folder, 'ansible'), ANSIBLE_NOCOWS: '1' },
    target,
    isSlow: true,
  }
}
