// The demo's nodes: SSH servers inside this process, each with a home of its own in which a real /bin/sh runs real commands.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseNodeName } from '../core/index.ts'
import { generateKeyPair, startLoopbackNode } from '../ssh/index.ts'

export interface DemoNodes {
  readonly inventoryFile: string
  readonly knownHostsFile: string
  /** Absolute paths of the nodes' homes. */
  readonly homes: readonly string[]
  close(): Promise<void>
}

/** `curl`: a program that the nodes use as curl, where the machine has none. Starts `count` nodes below `folder` and writes an inventory, a key and a known_hosts file that fit them. */
export async function startDemoNodes(folder: string, count: number, curl?: string): Promise<DemoNodes> {
  const keys = generateKeyPair()
  const identity = join(folder, 'id_ed25519')
  await writeFile(identity, keys.private, { mode: 0o600 })
  const names = Array.from({ length: count }, (_, index) => `node${String(index + 1).padStart(2, '0')}`)
  const nodes = await Promise.all(
    names.map(async (name) => {
      const home = join(folder, 'homes', name)
      await mkdir(home, { recursive: true, mode: 0o700 })
      if (curl !== undefined) await giveTool(home, 'curl', curl)
      return {
        name,
        home,
        server: await startLoopbackNode({ name: parseNodeName(name), home, authorizedKey: keys.public }),
      }
    }),
  )
  const inventoryFile = join(folder, 'inventory.yml')
  const hosts = nodes.map(({ name, server }) => `  ${name}: { address: ${server.address}, port: ${server.port} }\n`)
  await writeFile(
    inventoryFile,
    `defaults: { user: demo, identity: ${JSON.stringify(identity)} }\nhosts:\n${hosts.join('')}`,
  )
  const knownHostsFile = join(folder, 'known_hosts')
  await writeFile(knownHostsFile, nodes.map(({ server }) => `${server.hostKeyLine}\n`).join(''))
  return {
    inventoryFile,
    knownHostsFile,
    homes: nodes.map((node) => node.home),
    close: async () => {
      await Promise.all(nodes.map((node) => node.server.close()))
    },
  }
}

/** Where the kit looks for tools besides the system's own folders. */
async function giveTool(home: string, name: string, program: string): Promise<void> {
  const folder = join(home, '.fleet', '.bin')
  await mkdir(folder, { recursive: true })
  await symlink(program, join(folder, name))
}
