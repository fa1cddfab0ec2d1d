// Which node gets which Node: decided by what the node says of itself and by what is installed here.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { arch } from 'node:os'
import { describe, expect, it } from 'vitest'
import { architectureOf, RUNTIME_PROGRAMS } from '../../../src/fleet/runtime/architecture.ts'
import { findNode, pinnedVersion } from '../../../src/fleet/runtime/find-node.ts'
import { createRuntimes, isRecentEnough } from '../../../src/fleet/runtime/runtimes.ts'

const HERE = arch() === 'arm64' ? 'arm64' : 'x64'
const OTHER = HERE === 'x64' ? 'arm64' : 'x64'
const MACHINE = { x64: 'x86_64', arm64: 'aarch64' }
const refusal = (code: string): Error => expect.objectContaining({ code }) as Error

describe('the architecture of a machine', () => {
  it.each([
    ['x86_64', 'x64'],
    ['aarch64', 'arm64'],
    ['arm64', 'arm64'],
  ])('%s runs the Node for %s', (machine, name) => {
    expect(architectureOf(machine).name).toBe(name)
  })

  it.each(['armv7l', 'i686', 'riscv64', '', 'X86_64', 'x86_64\u001b[31m'])('%j has none', (machine) => {
    expect(() => architectureOf(machine)).toThrow(refusal('FLEET_RUNTIME_UNSUPPORTED'))
    expect(() => architectureOf(machine)).not.toThrow('\u001b')
  })

  it('says with what the kernel starts the program that is installed here', () => {
    const { interpreter } = architectureOf(MACHINE[HERE])
    expect(statSync(interpreter).isFile()).toBe(true)
    expect(RUNTIME_PROGRAMS).toContain(interpreter)
  })
})

describe('a node’s own Node', () => {
  it.each(['v24.0.0', 'v24.99.1', 'v25.1.0', 'v100.0.0', 'v24.1.0-nightly\n'])(
    '%j will do beside 24.21.0',
    (version) => {
      expect(isRecentEnough(version, '24.21.0')).toBe(true)
    },
  )

  it.each(['', 'v23.9.0', 'v2.24.0', '24.1.0', 'v24', 'node', 'v99999.1.1'])('%j will not', (version) => {
    expect(isRecentEnough(version, '24.21.0')).toBe(false)
  })
})

describe('the Node that a node gets', () => {
  const found = (change: object = {}): Parameters<ReturnType<typeof createRuntimes>['runtimeFor']>[0] => ({
    machine: MACHINE[HERE],
    nodeVersion: '',
    missingPrograms: [architectureOf(MACHINE[OTHER]).interpreter],
    ...change,
  })

  it('is none where there is a recent one, whatever the machine', async () => {
    const own = { nodeVersion: `v${pinnedVersion()}`, machine: 'riscv64' }
    expect(await createRuntimes().runtimeFor(found(own))).toBeUndefined()
  })

  it('is the program of this machine’s package, alone and executable, read once for all nodes', async () => {
    const runtimes = createRuntimes()
    const [tree, again] = await Promise.all([
      runtimes.runtimeFor(found()),
      runtimes.runtimeFor(found({ nodeVersion: 'v18.0.0' })),
    ])
    expect(again).toBe(tree)
    const [file, ...more] = tree?.manifest.files ?? []
    expect(more).toEqual([])
    expect(tree?.kind).toBe('runtimes')
    expect(file).toMatchObject({ path: 'bin/node', mode: '755' })
    const content = tree?.contentOf('bin/node')
    if (content === undefined || Buffer.isBuffer(content)) throw new Error('expected a file')
    expect(execFileSync(content.file, ['--version'], { encoding: 'utf8' })).toBe(`v${pinnedVersion()}\n`)
    expect(createHash('sha256').update(readFileSync(content.file)).digest('hex')).toBe(file?.sha256)
  })

  it('is refused where the C library is another one', async () => {
    const missingPrograms = RUNTIME_PROGRAMS
    await expect(createRuntimes().runtimeFor(found({ missingPrograms }))).rejects.toThrow(
      refusal('FLEET_RUNTIME_NO_LIBC'),
    )
  })

  it('is missing, with the command that installs it, where its package is not here', async () => {
    let installed = true
    try {
      findNode(OTHER)
    } catch {
      installed = false
    }
    if (installed) return
    const error = await createRuntimes()
      .runtimeFor(found({ machine: MACHINE[OTHER], missingPrograms: [] }))
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'FLEET_RUNTIME_MISSING',
      remedy: expect.stringMatching(
        `^npm install --no-save --force --prefix '/.*' node-linux-${OTHER}@${pinnedVersion()}$`,
      ) as string,
    })
  })
})
