// What is refused before a push begins, and what counts as nothing to do.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { createManifestCache } from '../../src/fleet/push/manifest-cache.ts'
import { kitTree, type Tree } from '../../src/fleet/push/tree.ts'
import { surveyNodes, toChange, type Surveyed, type SurveyPlan } from '../../src/fleet/push-survey.ts'
import { createManifest } from '../../src/fleet/release/manifest.ts'
import type { NodeResult } from '../../src/fleet/node-result.ts'
import { createLocalConnection, type Transport } from '../../src/ssh/index.ts'
import { openLocalNode, type LocalNode } from './local-node.ts'

const here: Transport = {
  connect: async ({ node }) => Promise.resolve(createLocalConnection(node)),
  close: async () => Promise.resolve(),
}
const name = parseNodeName('here')
const release = (sizeBytes: number): Tree => ({
  kind: 'releases',
  manifest: createManifest([{ path: 'main', mode: '755', sizeBytes, sha256: 'ab'.repeat(32) }]),
  contentOf: () => Buffer.alloc(0),
})

describe('the survey of a push', () => {
  let local: LocalNode
  beforeEach(() => {
    local = openLocalNode()
  })
  afterEach(() => local[Symbol.asyncDispose]())

  const survey = async (changes: Partial<SurveyPlan> = {}): Promise<NodeResult<Surveyed> | undefined> => {
    const target = { node: name, address: '127.0.0.1', port: 1, user: 'demo', identities: [] }
    const [result] = await surveyNodes([{ node: name, target, base: local.base, slots: 1, env: {} }], {
      transport: here,
      parallel: 1,
      trees: { release: release(5), kit: kitTree() },
      needs: { machines: [], programs: [] },
      tools: [],
      runtimes: undefined,
      manifests: createManifestCache(),
      verify: false,
      restart: false,
      signal: new AbortController().signal,
      ...changes,
    })
    return result
  }

  it('finds everything to do where nothing ever was, and leaves no trace', async () => {
    const result = await survey({ restart: true })
    expect(result).toMatchObject({ ok: true, value: { isUnchanged: false, staleWorkers: 0 } })
    expect(toChange(result === undefined ? [] : [result])).toHaveLength(1)
    expect(
      await local.run({ name: 'look', base: local.base, script: 'ls -a "${base%/*}" 2>/dev/null', args: [] }),
    ).toMatchObject({ stdout: '' })
  })

  it('refuses a node without room, with what is needed and what is there', async () => {
    const trees = { release: release(9 * 2 ** 50), kit: kitTree() }
    expect(await survey({ trees })).toMatchObject({
      ok: false,
      error: {
        code: 'FLEET_PUSH_NO_SPACE',
        message: expect.stringMatching(
          /^the release needs 9\d{3}\.\d TiB below \S.*, .* (?:GiB|TiB|MiB) are free$/,
        ) as string,
      },
    })
  })

  it('refuses a node of another machine, and one without an interpreter', async () => {
    const programs = [{ program: 'no-such-interpreter', path: 'main' }]
    expect(await survey({ needs: { machines: [], programs } })).toMatchObject({
      error: { code: 'FLEET_RELEASE_NO_INTERPRETER' },
    })
    expect(await survey({ needs: { machines: [{ path: 'main', machine: 's390x' }], programs: [] } })).toMatchObject({
      error: { code: 'FLEET_RELEASE_WRONG_MACHINE' },
    })
  })

  it('does not miss the runtime that is brought', async () => {
    const asked: string[] = []
    const runtimes = {
      programs: ['/lib/no-such-loader.so'],
      runtimeFor: async (found: { missingPrograms: readonly string[] }) => {
        asked.push(...found.missingPrograms)
        return Promise.resolve(undefined)
      },
    }
    const needs = { machines: [], programs: [{ program: 'node', path: 'main' }] }
    expect(await survey({ needs, runtimes })).toMatchObject({ ok: true })
    expect(asked).toContain('/lib/no-such-loader.so')
  })

  it('touches nothing more once it is interrupted', async () => {
    expect(await survey({ signal: AbortSignal.abort() })).toMatchObject({ error: { code: 'FLEET_ROLLOUT_STOPPED' } })
  })

  it('misses a tool that nothing could replace', async () => {
    expect(await survey({ tools: ['no-such-tool'] })).toMatchObject({ error: { code: 'FLEET_NODE_MISSING_TOOL' } })
  })
})
