// One result per node, whatever happens to any of them.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FleetError, parseNodeName } from '../../src/core/index.ts'
import { forEachNode } from '../../src/fleet/index.ts'

const nodes = Array.from({ length: 20 }, (_, index) => ({ node: parseNodeName(`node${index}`) }))

describe('forEachNode', () => {
  it.each([1, 3, 20, 100])('works on at most %d nodes at once and keeps their order', async (parallel) => {
    let running = 0
    let most = 0
    const begun: string[] = []
    const results = await forEachNode(nodes, parallel, async ({ node }) => {
      begun.push(node)
      most = Math.max(most, (running += 1))
      for (let turns = (begun.length * 7) % 5; turns >= 0; turns -= 1) await turn()
      running -= 1
      return `${node}!`
    })
    expect(most).toBe(Math.min(parallel, nodes.length))
    expect(begun).toEqual(nodes.map(({ node }) => node))
    expect(results).toEqual(nodes.map(({ node }) => ({ node, ok: true, value: `${node}!` })))
  })

  it('waits for all nodes, also when one fails first, and never throws', async () => {
    const reason = new FleetError('FLEET_TEST_CASE', 'broken')
    const results = await forEachNode(nodes.slice(0, 3), 3, async ({ node }) => {
      if (node === 'node0') throw reason
      await turn()
      if (node === 'node1') throw new TypeError('odd')
      return node
    })
    expect(results).toMatchObject([
      { node: 'node0', ok: false, error: { code: 'FLEET_TEST_CASE' } },
      { node: 'node1', ok: false, error: { code: 'FLEET_CORE_UNEXPECTED', message: 'odd' } },
      { node: 'node2', ok: true, value: 'node2' },
    ])
  })

  it('counts a throw before the first await as a failure of that node', async () => {
    const results = await forEachNode(nodes.slice(0, 2), 1, ({ node }): Promise<string> => {
      if (node === 'node0') throw new Error('at once')
      return Promise.resolve('fine')
    })
    expect(results).toMatchObject([{ ok: false, error: { message: 'at once' } }, { ok: true }])
  })

  it('tells of each node once when it starts and once when it ends', async () => {
    const heard: string[] = []
    await forEachNode(nodes.slice(0, 2), 1, async ({ node }) => node, {
      started: (node) => heard.push(`+${node}`),
      ended: ({ node }) => heard.push(`-${node}`),
    })
    expect(heard).toEqual(['+node0', '-node0', '+node1', '-node1'])
  })

  it('has nothing to do without nodes', async () => {
    expect(await forEachNode([], 5, () => Promise.reject(new Error('never')))).toEqual([])
  })
})
