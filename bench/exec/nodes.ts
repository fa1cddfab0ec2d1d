// The lab as several lists of nodes: as it is, and with four addresses for each host, which gives four times as many nodes to dial.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../../test/lab/lab.ts'

export interface Nodes {
  readonly addresses: readonly string[]
  readonly inventoryFile: string
  readonly knownHostsFile: string
}

/** sshd begins to drop at ten handshakes at once, so all addresses of a host may be dialled together. */
export const ADDRESSES_PER_HOST = 4
/** The lab's network is a /24 in which .254 is this machine. */
const ROOM = 253

/** Writes an inventory into `folder`. */
export async function labNodes(lab: Lab, folder: string): Promise<Nodes> {
  const inventoryFile = join(folder, 'inventory.yml')
  await writeFile(inventoryFile, lab.inventoryYml())
  const addresses = lab.nodes.map(({ address }) => address)
  return { addresses, inventoryFile, knownHostsFile: lab.knownHostsFile }
}

/** Why `count` hosts cannot have four addresses each; undefined when they can. */
export function whyNoMoreAddresses(count: number): string | undefined {
  const most = Math.floor(ROOM / ADDRESSES_PER_HOST)
  return count <= most
    ? undefined
    : `the lab's network has room for ${ADDRESSES_PER_HOST} addresses of at most ${most} nodes`
}

/** Gives every host three more addresses, and writes an inventory and host keys of all of them into `folder`. */
export async function manifold(lab: Lab, folder: string): Promise<Nodes> {
  const recorded = await readFile(lab.knownHostsFile, 'utf8')
  const keyOf = new Map(
    recorded
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' '))] as const),
  )
  const inventoryFile = join(folder, 'inventory-manifold.yml')
  const knownHostsFile = join(folder, 'known_hosts-manifold')
  const all: { address: string; key: string }[] = []
  for (const [index, { address }] of lab.nodes.entries()) {
    const more = furtherAddresses(address, lab.nodes.length)
    const { exitCode, stderr } = await lab.run(
      index + 1,
      more.map((one) => `ip addr add ${one}/24 dev eth0`).join(' && '),
    )
    if (exitCode !== 0) throw new Error(`expected ${address} to take further addresses: ${stderr}`)
    const key = keyOf.get(address)
    if (key === undefined) throw new Error(`expected ${lab.knownHostsFile} to name ${address}`)
    all.push(...[address, ...more].map((one) => ({ address: one, key })))
  }
  await writeFile(knownHostsFile, all.map(({ address, key }) => `${address}${key}\n`).join(''))
  const hosts = all.map(
    ({ address }, index) => `  node${String(index + 1).padStart(3, '0')}: { address: ${address} }\n`,
  )
  const defaults = `defaults: { user: root, port: 22, identity: ${lab.keyFile} }\n`
  await writeFile(inventoryFile, `${defaults}hosts:\n${hosts.join('')}`)
  return { addresses: all.map(({ address }) => address), inventoryFile, knownHostsFile }
}

function furtherAddresses(address: string, hosts: number): readonly string[] {
  const dot = address.lastIndexOf('.') + 1
  const last = Number(address.slice(dot))
  return Array.from(
    { length: ADDRESSES_PER_HOST - 1 },
    (_, index) => `${address.slice(0, dot)}${last + (index + 1) * hosts}`,
  )
}
