// Batch after batch, and where it stops.
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FleetError, parseNodeName, type NodeName } from '../../../src/core/index.ts'
import { cutBatches, parseBatches } from '../../../src/fleet/roll-out/batches.ts'
import { rollOut } from '../../../src/fleet/roll-out/roll-out.ts'

interface Node {
  readonly node: NodeName
}

const nodesOf = (count: number): Node[] =>
  Array.from({ length: count }, (_, index) => ({ node: parseNodeName(`n${index}`) }))

const planOf = (nodes: readonly Node[], batch: string, maxFail: number) => ({
  batches: cutBatches(
    nodes,
    () => false,
    (left) => parseBatches(batch, left),
  ),
  maxFail,
})

/** `ok`, `failed` or `not touched`, for each node. */
const outcomes = (results: readonly ({ ok: true } | { ok: false; error: FleetError })[]): string =>
  results.map((result) => (result.ok ? 'o' : result.error.code === 'FLEET_ROLLOUT_STOPPED' ? '-' : 'x')).join('')

const failing =
  (...bad: readonly string[]) =>
  async ({ node }: Node): Promise<string> => {
    await turn()
    if (bad.includes(node)) throw new FleetError('FLEET_TEST_CASE', 'broken')
    return node
  }

describe('a roll-out', () => {
  it.each([
    // Without a budget every node is attempted.
    ['100%', Infinity, ['n0', 'n3'], 'xooxoooo'],
    ['1', 0, ['n2'], 'oox-----'],
    ['4', 0, ['n1'], 'oxoo----'],
    ['1,2,4', 1, ['n0', 'n4'], 'xoooxoo-'],
    ['1,2,4', 2, ['n0', 'n4'], 'xoooxooo'],
  ])('in batches of %s that bears %d failures of %j ends as %s', async (batch, maxFail, bad, expected) => {
    const nodes = nodesOf(8)
    const results = await rollOut(nodes, planOf(nodes, batch, maxFail), failing(...bad), { parallel: 4 })
    expect(outcomes(results)).toBe(expected)
  })

  it('stops handing out nodes in the middle of a batch, and waits for those that run', async () => {
    const nodes = nodesOf(6)
    const begun: string[] = []
    const finished: string[] = []
    const results = await rollOut(
      nodes,
      planOf(nodes, '100%', 0),
      async ({ node }) => {
        begun.push(node)
        if (node === 'n1') throw new FleetError('FLEET_TEST_CASE', 'broken')
        for (let turns = 0; turns < 5; turns += 1) await turn()
        finished.push(node)
      },
      { parallel: 3 },
    )
    expect(begun).toEqual(['n0', 'n1', 'n2'])
    expect(finished).toEqual(['n0', 'n2'])
    expect(outcomes(results)).toBe('oxo---')
  })

  it('says of each node that it did not touch why', async () => {
    const nodes = nodesOf(2)
    const [, second] = await rollOut(nodes, planOf(nodes, '1', 0), failing('n0'), { parallel: 1 })
    expect(second).toMatchObject({
      ok: false,
      error: { code: 'FLEET_ROLLOUT_STOPPED', message: 'not touched: 1 node has failed, at most 0 may' },
    })
  })

  it('counts nodes that had failed before it began, and then begins nothing', async () => {
    const nodes = nodesOf(2)
    const plan = { ...planOf(nodes, '1', 1), failedBefore: 2 }
    expect(outcomes(await rollOut(nodes, plan, failing(), { parallel: 1 }))).toBe('--')
  })

  it('begins nothing more once it is interrupted', async () => {
    const nodes = nodesOf(5)
    const controller = new AbortController()
    const results = await rollOut(
      nodes,
      planOf(nodes, '2', Infinity),
      async ({ node }) => {
        await turn()
        if (node === 'n2') controller.abort()
      },
      { parallel: 1, signal: controller.signal },
    )
    expect(outcomes(results)).toBe('ooo--')
    expect(results[3]).toMatchObject({ error: { message: 'not touched: the roll-out was interrupted' } })
  })

  it('asks between batches, and never before the first or after the last', async () => {
    const nodes = nodesOf(3)
    const heard: string[] = []
    const results = await rollOut(nodes, planOf(nodes, '1', 0), failing(), {
      parallel: 1,
      onBatch: (batch) => heard.push(`${batch.number} of ${batch.of}`),
      between: async () => {
        heard.push('between')
        return Promise.resolve(heard.length > 3 ? 'the operator said no' : undefined)
      },
    })
    expect(heard).toEqual(['1 of 3', 'between', '2 of 3', 'between'])
    expect(outcomes(results)).toBe('oo-')
    expect(results[2]).toMatchObject({ error: { message: 'not touched: the operator said no' } })
  })

  it('takes what is found after a batch as its results, and tells of each node once', async () => {
    const nodes = nodesOf(4)
    const ended: string[] = []
    const results = await rollOut(nodes, planOf(nodes, '2', 0), failing(), {
      parallel: 2,
      progress: { ended: (result) => ended.push(`${result.node} ${result.ok ? 'ok' : result.error.code}`) },
      afterBatch: async (batch, isStopping) => {
        expect([isStopping(0), isStopping(1)]).toEqual([false, true])
        return Promise.resolve({
          results: batch.map((result) =>
            result.node === 'n1'
              ? { node: result.node, ok: false, error: new FleetError('FLEET_TEST_SICK', 'sick') }
              : result,
          ),
        })
      },
    })
    expect(outcomes(results)).toBe('ox--')
    expect(ended).toEqual(['n0 ok', 'n1 FLEET_TEST_SICK', 'n2 FLEET_ROLLOUT_STOPPED', 'n3 FLEET_ROLLOUT_STOPPED'])
  })

  it('stops for a veto although nothing failed', async () => {
    const nodes = nodesOf(2)
    const results = await rollOut(nodes, planOf(nodes, '1', 5), failing(), {
      parallel: 1,
      afterBatch: async (batch) => Promise.resolve({ results: batch, veto: 'the moon is full' }),
    })
    expect(outcomes(results)).toBe('o-')
    expect(results[1]).toMatchObject({ error: { message: 'not touched: the moon is full' } })
  })

  it('has one result per node, bears no more than it may, and begins nothing after it stopped', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('1', '3', '1,10%,100%', '50%'),
        fc.nat(4),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.nat(29)),
        async (count, batch, maxFail, parallel, bad) => {
          const nodes = nodesOf(count)
          const begun: string[] = []
          const results = await rollOut(
            nodes,
            planOf(nodes, batch, maxFail),
            async (node) => {
              begun.push(node.node)
              return failing(...bad.map((index) => `n${index}`))(node)
            },
            { parallel },
          )
          expect(results.map(({ node }) => node)).toEqual(nodes.map(({ node }) => node))
          const text = outcomes(results)
          const failed = text.split('x').length - 1
          // Those that ran beside the one too many may fail as well.
          expect(failed).toBeLessThanOrEqual(maxFail + parallel)
          expect(text.includes('-')).toBe(begun.length < count)
          if (failed <= maxFail) expect(text).not.toContain('-')
          expect(text.replace(/-+$/, '')).not.toContain('-')
        },
      ),
      { numRuns: 60 },
    )
  })
})
