// The look before a push, and what is made of its answer.
import { existsSync, mkdirSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseDigest } from '../../../src/core/index.ts'
import { inspectCommand, parseInspection, type InspectionWish } from '../../../src/node/index.ts'
import { openLocalNode, type LocalNode } from '../../fleet/local-node.ts'
import { receive, treeOf } from './tree.ts'
import { nodeVariants } from './variants.ts'

const ONE = parseDigest('11'.repeat(32))
const tree = treeOf({ main: 'x', 'conf/a b': '' })

describe.each(nodeVariants())('under $name', ({ options }) => {
  let node: LocalNode

  beforeEach(() => {
    node = openLocalNode(options)
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  const look = async (wish: Partial<InspectionWish>, base = node.base) => {
    const result = await node.run(inspectCommand(base, { tools: [], programs: [], ...wish }))
    expect(result).toMatchObject({ exitCode: 0, stderr: '' })
    return parseInspection(result.stdout)
  }

  it('tells what is there, what is current, what is missing', async () => {
    await receive(node, tree)
    const { digest } = tree.manifest
    symlinkSync(`releases/${digest}`, join(node.folder, 'current'))
    symlinkSync(`releases/${ONE}`, join(node.folder, 'previous'))
    mkdirSync(join(node.folder, 'kit', ONE), { recursive: true })
    symlinkSync(ONE, join(node.folder, 'kit/current'))
    const found = await look({
      release: digest,
      kit: ONE,
      runtime: ONE,
      tools: ['tar', 'no-such-tool', 'cat'],
      programs: ['/bin/sh', '/no/such/program', '/etc/passwd', 'sh', 'no such*program'],
    })
    expect(found).toMatchObject({
      base: node.folder,
      trees: { releases: 'sealed', kit: 'changed', runtimes: 'absent' },
      currentRelease: digest,
      // It leads nowhere.
      previousRelease: '',
      currentKit: ONE,
      currentRuntime: '',
      missingTools: ['no-such-tool'],
      missingPrograms: ['/no/such/program', '/etc/passwd', 'no such*program'],
      lock: { epoch: 0, holder: undefined },
    })
    expect(found.releases.map((release) => release.digest)).toEqual([digest])
    expect(Math.abs((found.releases[0]?.installedS ?? 0) - Date.now() / 1000)).toBeLessThan(600)
    expect(found.freeBytes).toBeGreaterThan(0)
    expect(found.machine).toMatch(/^[a-z0-9_]+$/)
    expect(found.nodeVersion).toBe('')
  })

  it('tells what has arrived of a tree that is not complete', async () => {
    const staged = join(node.folder, 'releases', `.incoming-${ONE}`, 'tree')
    mkdirSync(join(staged, 'fo lder'), { recursive: true })
    writeFileSync(join(staged, 'fo lder', "it's x=1"), 'four')
    writeFileSync(join(staged, '-n'), '')
    symlinkSync('x', join(staged, 'link'))
    const found = await look({ release: ONE })
    expect([...found.staged.releases]).toEqual(
      expect.arrayContaining([
        ["fo lder/it's x=1", 4],
        ['-n', 0],
      ]) as unknown,
    )
    expect(found.staged.releases.size).toBe(2)
  })

  it('finds nothing where nothing is, and makes nothing', async () => {
    const base = join(node.home, 'else where')
    expect(await look({ kit: ONE }, base)).toMatchObject({
      base,
      trees: { releases: 'absent', kit: 'absent', runtimes: 'absent' },
      currentRelease: '',
      releases: [],
      missingTools: [],
    })
    expect(existsSync(base)).toBe(false)
  })

  it('looks for tools in <root>/.bin too, and asks the node’s own Node.js only when told to', async () => {
    mkdirSync(join(node.home, '.fleet/.bin'), { recursive: true })
    const tool = join(node.home, '.fleet/.bin/fleet-test-tool')
    writeFileSync(tool, '#!/bin/sh\n')
    chmodSync(tool, 0o755)
    expect(await look({ tools: ['fleet-test-tool'] })).toMatchObject({ missingTools: [] })
    expect((await look({ askNode: true })).nodeVersion).toMatch(/^(v\d+\.\d+\.\d+)?$/)
  })
})

describe('parseInspection', () => {
  const own = [
    'base=/home/u/.fleet/photos',
    'state-releases=sealed',
    'missing-tool=curl',
    'missing-tool=tar',
    'release=10 ' + ONE + '/.fleet-manifest',
    'release=20 ' + tree.manifest.digest + '/.fleet-manifest',
    'release=x broken',
    'room=//server/my share 1000 -  500  50% /mnt/a 7% b',
    'control=10.0.0.9',
  ].map((line) => `fleet-inspect ${line}\n`)
  const lock = 'fleet-lock state=free\nfleet-lock epoch=3\n'

  it('ignores whatever a login shell prints before and after', () => {
    const noise = 'Welcome!\r\n  fleet-inspect base=/indented\nxfleet-inspect state-kit=sealed\n\u001b[1mmotd\u001b[0m'
    expect(parseInspection(`${noise}\n${own.join('')}${lock}goodbye\nstate-kit=sealed\n`)).toMatchObject({
      base: '/home/u/.fleet/photos',
      trees: { releases: 'sealed', kit: 'absent', runtimes: 'absent' },
      missingTools: ['curl', 'tar'],
      releases: [
        { digest: tree.manifest.digest, installedS: 20 },
        { digest: ONE, installedS: 10 },
      ],
      freeBytes: 500 * 1024,
      controlAddress: '10.0.0.9',
      lock: { epoch: 3, holder: undefined },
    })
  })

  it('refuses an answer that is not whole', () => {
    for (const text of ['', own.join('')])
      expect(() => parseInspection(text)).toThrow(expect.objectContaining({ code: 'FLEET_NODE_BAD_LOCK' }) as Error)
  })
})
