// Everybody who runs `true` on all nodes at once: whole programs with their own start, all told to check host keys against the
// same file and to use the same key, none of them with anybody's configuration or agent.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lab } from '../../test/lab/lab.ts'
import { sshOptions } from '../ssh-options.ts'
import type { Nodes } from './nodes.ts'

export interface Contender {
  readonly name: string
  readonly command: readonly string[]
  /** Beside this process's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** How many nodes a program works on at once. */
const PARALLEL = 50
export const CLUSH = 'clush'
export const PARALLEL_SSH = 'parallel-ssh'
export const ANSIBLE = 'ansible raw'
export const FABRIC = 'fabric threads'
export const BARE_SSH2 = 'bare ssh2'

const FLEET = fileURLToPath(new URL('../../bin/fleet', import.meta.url))
export const BARE_PROGRAM = fileURLToPath(new URL('../programs/bare-ssh2.ts', import.meta.url))
export const FABRIC_PROGRAM = fileURLToPath(new URL('../programs/fabric-threads.py', import.meta.url))
/** Debian's packages belong to Debian's own Python, whichever comes first in PATH. */
export const DEBIAN_PYTHON = '/usr/bin/python3'
/** An agent would be one more thing that differs from machine to machine. */
const NO_AGENT = { SSH_AUTH_SOCK: undefined }

/** `folder`: absolute; compiled code is kept there, and nothing else is there when the first run begins. */
export function fleetExec(nodes: Nodes, folder: string, parallel = PARALLEL): Contender {
  const flags = ['--hosts', nodes.inventoryFile, '--known-hosts', nodes.knownHostsFile, '--parallel', String(parallel)]
  return {
    name: 'fleet exec',
    command: [FLEET, 'exec', ...flags, '--', 'true'],
    env: { ...NO_AGENT, XDG_CACHE_HOME: join(folder, 'cache') },
  }
}

/** `folder` as for `fleetExec`: its compiled code is kept too, or the taking away of types would count against it. */
export function bareSsh2(nodes: Nodes, keyFile: string, folder: string, parallel = PARALLEL): Contender {
  const args = [nodes.knownHostsFile, keyFile, String(parallel), ...nodes.addresses]
  return {
    name: BARE_SSH2,
    command: [process.execPath, BARE_PROGRAM, ...args],
    env: { ...NO_AGENT, NODE_COMPILE_CACHE: join(folder, 'cache', 'bare') },
  }
}

/** Writes into `folder` what they want to read from files. */
export async function peersOnSsh(lab: Lab, nodes: Nodes, folder: string): Promise<readonly Contender[]> {
  const parallel = String(PARALLEL)
  const hosts = join(folder, 'addresses')
  const ansibleConfig = join(folder, 'ansible.cfg')
  const options = sshOptions(lab).join(' ')
  await writeFile(hosts, nodes.addresses.map((address) => `${address}\n`).join(''))
  // Named here, ssh_args replaces ansible's own, which would leave a master connection behind for the next run.
  const sshArgs = `${options} -o ControlMaster=no -o ControlPath=none`
  await writeFile(ansibleConfig, `[ssh_connection]\nssh_args = ${sshArgs}\n`)
  const ansible = ['ansible', '-i', hosts, 'all', '-u', 'root', '-f', parallel, '--private-key', lab.keyFile]
  return [
    {
      name: CLUSH,
      command: [
        ...['clush', '-q', '-S', '-f', parallel, '-w', nodes.addresses.join(','), '-l', 'root'],
        ...['-o', options, 'true'],
      ],
      env: NO_AGENT,
    },
    {
      name: PARALLEL_SSH,
      command: ['parallel-ssh', '-h', hosts, '-p', parallel, '-l', 'root', '-t', '60', '-x', options, 'true'],
      env: NO_AGENT,
    },
    {
      name: ANSIBLE,
      command: [...ansible, '-m', 'raw', '-a', 'true'],
      env: { ...NO_AGENT, ANSIBLE_CONFIG: ansibleConfig, ANSIBLE_HOME: join(folder, 'ansible'), ANSIBLE_NOCOWS: '1' },
    },
    {
      name: FABRIC,
      command: [DEBIAN_PYTHON, FABRIC_PROGRAM, nodes.knownHostsFile, lab.keyFile, ...nodes.addresses],
      env: NO_AGENT,
    },
  ]
}
