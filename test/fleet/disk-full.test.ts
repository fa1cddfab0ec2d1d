// A full disk on a node: said as such, nothing half-done stays, and a push works as soon as there is room.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pushToNode, kitTree } from '../../src/fleet/index.ts'
import { busyboxTools, openLocalNode, unfinished, type LocalNode } from './local-node.ts'
import { treeOf } from './release-tree.ts'

const canMount =
  process.getuid?.() === 0 &&
  spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs none "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s'])
    .status === 0
if (!canMount) process.stderr.write('SKIPPED a full disk on a node: only root can mount a small file system\n')

const busybox = busyboxTools()
const variants = [
  { name: 'the system’s tools', tools: {} },
  ...(busybox === undefined ? [] : [{ name: 'busybox', tools: { tools: busybox } }]),
]

describe.skipIf(!canMount).each(variants)('a full disk on a node with $name', ({ tools }) => {
  let node: LocalNode

  beforeEach(() => {
    node = openLocalNode(tools)
    mkdirSync(join(node.home, '.fleet'))
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', join(node.home, '.fleet')]).status).toBe(0)
  })
  afterEach(async () => {
    expect(spawnSync('umount', [join(node.home, '.fleet')]).status).toBe(0)
    await node[Symbol.asyncDispose]()
  })

  it('is named, leaves the old release in use and nothing half-done, and heals', async () => {
    const kit = kitTree()
    const options = { needsCurl: false }
    const small = treeOf({ main: 'small' })
    const large = treeOf({ main: Buffer.alloc(600_000, 'large') })
    await pushToNode(node.connection, node.base, { release: small, kit }, options)
    writeFileSync(join(node.home, '.fleet/ballast'), Buffer.alloc(500_000))
    await expect(pushToNode(node.connection, node.base, { release: large, kit }, options)).rejects.toMatchObject({
      code: 'FLEET_NODE_COMMAND',
      message: expect.stringMatching(/^receive failed \(exit 73\): .*no space is left below /) as string,
      remedy: expect.stringContaining('free space') as string,
    })
    expect(readlinkSync(join(node.folder, 'current'))).toBe(`releases/${small.manifest.digest}`)
    expect(readdirSync(join(node.folder, 'releases'))).toEqual([small.manifest.digest])
    expect(unfinished(node.folder)).toEqual([])
    rmSync(join(node.home, '.fleet/ballast'))
    expect(await pushToNode(node.connection, node.base, { release: large, kit }, options)).toMatchObject({
      outcome: 'pushed',
    })
  })
})
