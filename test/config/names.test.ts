import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expandRange, foldNodes } from '../../src/config/index.ts'
import { editDistance, nearestNames } from '../../src/config/nearest.ts'
import { thrownBy } from './scratch-folder.ts'

describe('expandRange', () => {
  it.each([
    ['node01', ['node01']],
    ['n[1:3]', ['n1', 'n2', 'n3']],
    ['n[09-11]', ['n09', 'n10', 'n11']],
    ['n[0:2]', ['n0', 'n1', 'n2']],
    ['r[a:b]n[1-2]', ['ran1', 'ran2', 'rbn1', 'rbn2']],
    ['n[1,4-5],other', ['n1', 'n4', 'n5', 'other']],
    ['n[7:7]', ['n7']],
    ['n[01:10:4]', ['n01', 'n05', 'n09']],
    ['n[a:f:2]', ['na', 'nc', 'ne']],
    ['n[:2]', ['n0', 'n1', 'n2']],
  ])('%s', (text, names) => {
    expect(expandRange(text)).toEqual(names)
  })

  it.each([
    'n[',
    'n]',
    'n[]',
    'n[1',
    'n[[1:2]]',
    'n[2:1]',
    'n[b:a]',
    'n[a:3]',
    'n[a:C]',
    'n[01:5]',
    'n[1:05]',
    'n[1:100001]',
    'n[1:9:0]',
    'n[1::2]',
    'n[1:999999999][1:999999999][1:999999999]',
    'n[1:999][1:999]',
    'n[1:9999999999]',
  ])('refuses %s', (text) => {
    expect(thrownBy(() => expandRange(text)).code).toBe('FLEET_CONFIG_BAD_RANGE')
  })

  it('gives as many names as a range is long, each of them numbered in turn', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(300), fc.boolean(), (first, length, isPadded) => {
        const ends = [first, first + length].map((end) => (isPadded ? String(end).padStart(5, '0') : String(end)))
        const names = expandRange(`x[${ends.join(':')}]y`)
        expect(names.map((name) => Number(name.slice(1, -1)))).toEqual(
          Array.from({ length: length + 1 }, (_, index) => first + index),
        )
      }),
    )
  })
})

describe('foldNodes', () => {
  it.each([
    [[], ''],
    [['a'], 'a'],
    [['node01', 'node02', 'node03', 'other'], 'node[01-03],other'],
    [['n9', 'n10', 'n11'], 'n[9-11]'],
    [['n09', 'n9', 'n10'], 'n[9,09-10]'],
    [['10.0.0.3', '10.0.0.1', '10.0.0.2'], '10.0.0.[1-3]'],
    [['sg01.dc1.net', 'sg02.dc1.net', 'sg05.dc1.net'], 'sg[01-02,05].dc1.net'],
    [['a', 'a', 'b1'], 'a,b1'],
  ])('%j is %s', (names, folded) => {
    expect(foldNodes(names)).toBe(folded)
  })

  it('loses and adds no name, whatever the names look like', () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-c]{0,2}[0-9]{1,4}(?:[.-][a-b]?[0-9]{0,3})?$/),
      fc.stringMatching(/^[A-Za-z0-9:][A-Za-z0-9._:-]{0,20}$/),
    )
    fc.assert(
      fc.property(fc.array(name, { maxLength: 60 }), (names) => {
        const expanded = names.length === 0 ? [] : expandRange(foldNodes(names))
        expect(expanded.toSorted()).toEqual([...new Set(names)].sort())
      }),
      { numRuns: 500 },
    )
  })
})

describe('nearestNames', () => {
  it('finds typing mistakes, nearest first, and nothing far away', () => {
    expect(nearestNames('prot', ['port', 'pool', 'user'], 3)).toEqual(['port'])
    expect(nearestNames('commnad', ['command', 'common', 'kind'], 3)).toEqual(['command'])
    expect(nearestNames('xyz', ['command'], 3)).toEqual([])
  })

  it('measures a distance', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, b) === 0).toBe(a === b)
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
    )
  })
})
