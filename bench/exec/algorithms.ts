// Which key exchange and which cipher each program agrees on with the lab's sshd: asked of a real connection, because it decides
// a good part of the time and differs between the programs.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { parseNodeName } from '../../src/core/index.ts'
import { createSsh2Transport } from '../../src/ssh/index.ts'
import type { Lab } from '../../test/lab/lab.ts'
import { sshOptions } from '../ssh-options.ts'
import { BARE_PROGRAM, DEBIAN_PYTHON, FABRIC_PROGRAM } from './contenders.ts'

const run = promisify(execFile)

/** `KEX, CIPHER` of fleet's own transport. */
export async function fleetAlgorithms(lab: Lab): Promise<string> {
  const transport = createSsh2Transport({ knownHosts: { files: [lab.knownHostsFile], acceptNew: false } })
  const address = firstAddress(lab)
  try {
    const connection = await transport.connect({
      node: parseNodeName(address),
      address,
      port: 22,
      user: 'root',
      identities: [lab.keyFile],
    })
    const { facts } = connection
    return facts === undefined ? 'unknown' : `${facts.keyExchange}, ${facts.cipher}`
  } finally {
    await transport.close()
  }
}

/** `KEX, CIPHER` of the system's ssh, which clush, parallel-ssh and ansible start. */
export async function sshAlgorithms(lab: Lab): Promise<string> {
  const { stderr } = await run('ssh', ['-v', ...sshOptions(lab), `root@${firstAddress(lab)}`, 'true'])
  const kex = /kex: algorithm: (\S+)/.exec(stderr)?.[1]
  const cipher = /kex: client->server cipher: (\S+)/.exec(stderr)?.[1]
  return `${kex ?? 'unknown'}, ${cipher ?? 'unknown'}`
}

/** `KEX, CIPHER` of ssh2 as bare-ssh2.ts uses it. */
export async function bareAlgorithms(lab: Lab): Promise<string> {
  const { stdout } = await run(process.execPath, [
    BARE_PROGRAM,
    lab.knownHostsFile,
    lab.keyFile,
    '1',
    firstAddress(lab),
  ])
  return stdout.trim()
}

/** `KEX, CIPHER` of paramiko as fabric uses it. */
export async function fabricAlgorithms(lab: Lab): Promise<string> {
  const { stderr } = await run(DEBIAN_PYTHON, [
    ...[FABRIC_PROGRAM, '-v', lab.knownHostsFile, lab.keyFile],
    firstAddress(lab),
  ])
  const kex = /: ?Kex: (\S+)/.exec(stderr)?.[1]
  const cipher = /: ?Cipher: (\S+)/.exec(stderr)?.[1]
  return `${kex ?? 'unknown'}, ${cipher ?? 'unknown'}`
}

function firstAddress(lab: Lab): string {
  const [node] = lab.nodes
  if (node === undefined) throw new Error('expected a lab with a node')
  return node.address
}
