// Batches and budgets as the operator writes them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutBatches, parseBatches } from '../../../src/fleet/roll-out/batches.ts'
import { parseMaxFail } from '../../../src/fleet/roll-out/max-fail.ts'

describe('batches', () => {
  it.each([
    ['1,10%,100%', 50, [1, 5, 44]],
    ['1,10%', 50, [1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 4]],
    ['1', 3, [1, 1, 1]],
    ['100', 3, [3]],
    ['100%', 7, [7]],
    // Never none.
    ['10%', 3, [1, 1, 1]],
    [' 1 , 2 ', 4, [1, 2, 1]],
    ['50%', 5, [2, 2, 1]],
    ['1,10%', 0, []],
  ])('%s of %d nodes are %j', (text, nodes, sizes) => {
    expect(parseBatches(text, nodes)).toEqual(sizes)
  })

  it('takes percents of all nodes, also when only some are left', () => {
    expect(parseBatches('10%', 12, 50)).toEqual([5, 5, 2])
  })

  it.each([
    ['', 'character'],
    ['0', ''],
    ['0%', ''],
    ['101%', ''],
    ['1,,2', 'character 3'],
    ['1,10%,x', 'character 7'],
    ['1,-1', 'character 3'],
    ['1;2', ''],
    ['10%%', ''],
    ['1e3', ''],
    ['9999999999', ''],
  ])('refuses %j and says where', (text, where) => {
    expect(() => parseBatches(text, 10)).toThrow(
      expect.objectContaining({
        code: 'FLEET_ROLLOUT_BAD_BATCH',
        message: expect.stringMatching(/^expected --batch to be numbers from 1 or percents/) as string,
      }) as Error,
    )
    if (where.startsWith('character ')) expect(() => parseBatches(text, 10)).toThrow(where)
  })

  it('are as many nodes as there are, none of them empty, whatever was written', () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 2000 }).map(String),
      fc.integer({ min: 1, max: 100 }).map((percent) => `${percent}%`),
    )
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 5 }),
        fc.nat(500),
        fc.array(fc.nat(499)),
        (steps, count, canaries) => {
          const nodes = Array.from({ length: count }, (_, index) => index)
          const isCanary = new Set(canaries)
          const batches = cutBatches(
            nodes,
            (node) => isCanary.has(node),
            (left) => parseBatches(steps.join(','), left, count),
          )
          expect(batches.flat().toSorted((a, b) => a - b)).toEqual(nodes)
          expect(batches.every((batch) => batch.length > 0)).toBe(true)
          const first = batches[0] ?? []
          if (nodes.some((node) => isCanary.has(node))) expect(first.every((node) => isCanary.has(node))).toBe(true)
          expect(
            batches
              .slice(1)
              .flat()
              .some((node) => isCanary.has(node)),
          ).toBe(false)
        },
      ),
    )
  })
})

describe('the number of nodes that may fail', () => {
  it.each([
    ['0', 50, 0],
    ['3', 50, 3],
    ['10%', 50, 5],
    ['10%', 9, 0],
    ['100%', 9, 9],
  ])('%s of %d nodes is %d', (text, nodes, most) => {
    expect(parseMaxFail(text, nodes)).toBe(most)
  })

  it.each(['', '-1', '101%', '1,2', 'all', '1.5'])('refuses %j', (text) => {
    expect(() => parseMaxFail(text, 10)).toThrow(
      expect.objectContaining({ code: 'FLEET_ROLLOUT_BAD_MAX_FAIL' }) as Error,
    )
  })
})
