import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadInventory, type Inventory } from '../../src/config/index.ts'
import { refusalLines, thrownBy } from './scratch-folder.ts'

const FOLDER = join(import.meta.dirname, '../../inventory')
const operator = { user: 'me', home: '/home/me', identities: ['/home/me/.ssh/id_rsa'], agent: undefined }
const read = (name: string): Inventory => loadInventory({ file: join(FOLDER, name), operator })
const names = (inventory: Inventory): readonly string[] => inventory.nodes.map(({ node }) => node)
const numbered = (prefix: string, from: number, to: number, width: number, suffix: string): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${prefix}${String(from + index).padStart(width, '0')}${suffix}`)

describe('the sample inventories', () => {
  it('are all covered here', () => {
    const samples = readdirSync(FOLDER).filter((name) => name !== 'README.md')
    expect(samples.sort()).toEqual([
      'ansible.ini',
      'ansible.yml',
      'broken.yml',
      'hosts.txt',
      'jump-host.yml',
      'layers.yml',
      'nested.yml',
      'ranges.yml',
      'small.yml',
      'two-sites.yml',
    ])
  })

  it('small.yml: what is not said is left open', () => {
    const inventory = read('small.yml')
    expect(names(inventory)).toEqual(['alpha', 'beta', 'gamma'])
    expect(inventory.nodes[0]).toMatchObject({
      address: 'alpha',
      port: undefined,
      user: undefined,
      identities: undefined,
      via: undefined,
      slots: undefined,
      pool: true,
    })
    expect(inventory.nodes[2]?.slots).toBe(3)
  })

  it('two-sites.yml: 50 nodes and a gateway outside the pool', () => {
    const inventory = read('two-sites.yml')
    expect(names(inventory)).toEqual([
      ...numbered('10.0.0.', 1, 25, 1, ''),
      ...numbered('sg', 1, 25, 2, '.example.net'),
      'gateway',
    ])
    expect(inventory.nodes.find(({ node }) => node === 'sg07.example.net')).toMatchObject({
      slots: 32,
      user: 'deploy',
      groups: ['sg'],
    })
    expect(inventory.nodes.at(-1)).toMatchObject({ address: '203.0.113.9', pool: false, groups: [] })
  })

  it('layers.yml: host wins over the later group, this over the earlier, this over the defaults, and each value says where it came from', () => {
    const file = join(FOLDER, 'layers.yml')
    const [n1, n2, n3, n4] = read('layers.yml').nodes
    expect(n1).toMatchObject({ port: 2200, slots: 8, root: undefined, env: { REGION: 'east', LEVEL: 'info' } })
    expect(n1?.identities).toEqual(['/home/me/.ssh/fleet', join(FOLDER, 'keys/old')])
    expect(n2).toMatchObject({
      port: 2202,
      slots: 16,
      root: '/data/fleet',
      env: { REGION: 'east', LEVEL: 'debug' },
      groups: ['east', 'big'],
    })
    expect(n3).toMatchObject({ port: 2200, slots: 16, env: { REGION: 'none', LEVEL: 'info' } })
    expect(n4).toMatchObject({ address: '2001:db8::4', user: 'other', identities: ['/etc/fleet/key'], groups: [] })
    expect(n2?.from).toEqual({
      address: 'name of the node',
      port: `host (${file}:17:9)`,
      user: `defaults (${file}:3:3)`,
      identities: `defaults (${file}:5:3)`,
      pool: 'built in',
      slots: `group big (${file}:14:5)`,
      root: `group big (${file}:15:5)`,
      'env.REGION': `group east (${file}:11:12)`,
      'env.LEVEL': `host (${file}:17:28)`,
    })
  })

  it('ranges.yml: padded, plain, letters, several in one name, lists, and ranges as keys of hosts', () => {
    const inventory = read('ranges.yml')
    expect(names(inventory)).toEqual(
      [
        'web008 web009 web010 web011',
        'db9.example.net db10.example.net db11.example.net',
        'racka rackb rackc',
        'r1-X r1-Y r2-X r2-Y',
        'm1 m3 m5 m6',
        'web012',
      ].flatMap((line) => line.split(' ')),
    )
    expect(inventory.nodes.filter(({ port }) => port === 2222).map(({ node }) => node)).toEqual([
      'web010',
      'web011',
      'web012',
    ])
  })

  it('jump-host.yml: one hop, two hops, and none', () => {
    const { nodes } = read('jump-host.yml')
    const via = Object.fromEntries(nodes.map((node) => [node.node, node.via]))
    expect(nodes).toHaveLength(28)
    expect(via).toMatchObject({
      'sg25.example.net': ['bastion'],
      deep1: ['bastion', 'ops@10.9.0.1:2222'],
      bastion: [],
      here: [],
    })
  })

  it('nested.yml: the inner group wins over the outer one, and a node is in both', () => {
    const { nodes } = read('nested.yml')
    expect(nodes.map(({ node, slots, groups, env }) => [node, slots, groups, env])).toEqual([
      ['t1', 8, ['asia', 'tokyo'], { REGION: 'asia' }],
      ['t2', 8, ['asia', 'tokyo'], { REGION: 'asia' }],
      ['t3', 1, ['asia', 'tokyo'], { REGION: 'asia' }],
      ['s1', 4, ['asia', 'seoul'], { REGION: 'asia' }],
    ])
  })

  it('hosts.txt: one host a line, with or without user and port', () => {
    expect(read('hosts.txt').nodes.map(({ node, user, port }) => [node, user, port])).toEqual([
      ['node01', undefined, undefined],
      ['node02', undefined, undefined],
      ['node03', undefined, undefined],
      ['node04.example.net', 'deploy', 2222],
      ['2001:db8::7', undefined, undefined],
      ['2001:db8::8', undefined, 22],
    ])
  })

  it.each(['ansible.ini', 'ansible.yml'])('%s: children, variables, ranges and a jump host', (name) => {
    const { nodes } = read(name)
    const byName = new Map<string, (typeof nodes)[number]>(nodes.map((node) => [node.node, node]))
    expect(byName.get('gate')).toMatchObject({ address: '203.0.113.9', pool: false, groups: [] })
    expect(byName.get('web02.example.net')).toMatchObject({
      user: 'deploy',
      via: ['gate'],
      slots: 67,
      groups: ['asia', 'web'],
    })
    expect(byName.get('web04.example.net')).toMatchObject({ user: 'root', port: 2222 })
    expect(byName.get('db-e')).toMatchObject({ user: 'deploy', port: 2200, groups: ['asia', 'db'] })
    expect(byName.has('db-b')).toBe(false)
  })

  it('broken.yml: all mistakes are told in one run', () => {
    expect(
      refusalLines(
        thrownBy(() => read('broken.yml')),
        join(FOLDER, 'broken.yml'),
      ),
    ).toEqual([
      '1:13: expected one of user, port, identity, root, slots, env, via, pool, found the unknown key "prot"; did you mean "port"?',
      '4:13: expected a range that does not run backwards, found "node[05:01]"',
      '4:28: expected at most 100000 names, found "node[1:999999]", which stands for at least 999999',
      '4:52: expected each name once in group a, found "twin" again',
      '4:58: expected names of 1 to 128 letters, digits, ".", "_", ":" or "-", found "two words"',
      '5:11: expected a whole number from 1 to 65535, found 70000 (number)',
      '6:3: expected different names for groups and nodes, found the node "twin" as a group',
      '6:3: expected hosts or children in group twin, found none',
      '10:3: expected each key once, found "x" again (first at 9:3)',
    ])
  })
})
