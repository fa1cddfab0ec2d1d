import { describe, expect, it } from 'vitest'
import { loadInventory, MAX_NAMES } from '../../src/config/index.ts'
import { refusalLines, scratchFile, thrownBy } from './scratch-folder.ts'

const operator = { user: 'me', home: '/home/me', identities: [] }

function refusal(text: string): readonly string[] {
  const file = scratchFile('inventory.yml', text)
  return refusalLines(
    thrownBy(() => loadInventory({ file, operator })),
    file,
  )
}

describe('loadInventory', () => {
  it.each([
    [
      'hosts: { a: { adress: x } }',
      [
        '1:15: expected one of user, port, identity, root, slots, env, via, pool, address, found the unknown key "adress"; did you mean "address"?',
      ],
    ],
    [
      'hosts: { a: { via: b } }',
      ['1:20: expected no "via" (jump hosts are not available in this version), found "b" (string)'],
    ],
    [
      'groups: { all: { hosts: [a] } }',
      ['1:11: expected a group name: letters, digits, ".", "_" and "-"; not "all", found the key "all"'],
    ],
    [
      'groups: { g: { hosts: a } }',
      ['1:23: expected a list of names such as [node01, "node[02:50]"], found "a" (string)'],
    ],
    [
      'groups: { g: { hosts: [7] } }',
      ['1:24: expected a name, or a range of names such as node[01:50], found 7 (number)'],
    ],
    ['hosts: { "a[]": }', ['1:10: expected ranges such as [01:50] or [a:f], found "a[]"']],
    [
      'hosts: { "-oProxyCommand=x": }',
      ['1:10: expected names of 1 to 128 letters, digits, ".", "_", ":" or "-", found "-oProxyCommand=x"'],
    ],
    ['hosts: { a: { user: "-l" } }', ['1:21: expected a login name, found "-l" (string)']],
    ['hosts: { a: { address: "-o" } }', ['1:24: expected a host name or an IP address, found "-o" (string)']],
    ['hosts: { a: { identity: [] } }', ['1:25: expected a list of private keys, found [] (list)']],
    ['hosts: { a: { pool: "no" } }', ['1:21: expected true or false, found "no" (string)']],
    ['hosts: { "n[1:3]": , n2: }', ['1:22: expected each name once under hosts, found "n2" again (also in "n[1:3]")']],
    [
      'hosts: { a: , b: { address: a } }',
      ['1:15: expected a place of its own for every node, found "b" at me@a port 22, where "a" is already'],
    ],
    [
      'hosts: { __proto__: { port: 1 } }',
      expect.arrayContaining(['1:10: expected another key, found "__proto__", which is not allowed']),
    ],
    [
      'host: { a: }',
      ['1:1: expected one of defaults, groups, hosts, found the unknown key "host"; did you mean "hosts"?'],
    ],
  ])('refuses %j', (text, lines) => {
    expect(refusal(text)).toEqual(lines)
  })

  it('takes names that look like members of Object as what they are', () => {
    const { nodes } = loadInventory({
      file: scratchFile('i.yml', 'groups: { toString: { hosts: [constructor] } }'),
      operator,
    })
    expect(nodes.map(({ node, groups }) => [node, groups])).toEqual([['constructor', ['toString']]])
  })

  it('allows one address for nodes that differ in port, user or root', () => {
    const text =
      'hosts: { a: { address: h, port: 1 }, b: { address: h, port: 2 }, c: { address: h, port: 1, root: /x } }'
    expect(loadInventory({ file: scratchFile('i.yml', text), operator }).nodes).toHaveLength(3)
  })

  it('takes names from the command line, and a file when there is one of that name', () => {
    const byName = loadInventory({ file: 'unused.yml', hosts: 'b, a[1:2],10.0.0.1', operator })
    expect(byName.source).toBe('--hosts')
    expect(byName.nodes.map(({ node }) => node)).toEqual(['b', 'a1', 'a2', '10.0.0.1'])
    const file = scratchFile('nodes', 'hosts: { z: }')
    expect(loadInventory({ file: 'unused.yml', hosts: file, operator }).nodes.map(({ node }) => node)).toEqual(['z'])
  })

  it.each([
    ['a,a', '--hosts: expected each name once, found "a" again'],
    ['a,,b', '--hosts: expected a node name 1 to 128 letters, digits, ".", "_", ":" or "-", got ""'],
    ['a[3:1]', '--hosts: expected a range that does not run backwards, found "a[3:1]"'],
  ])('refuses --hosts %s', (hosts, message) => {
    expect(thrownBy(() => loadInventory({ file: 'unused', hosts, operator }))).toMatchObject({
      code: 'FLEET_CONFIG_INVALID',
      message,
    })
  })

  it('says that a file is missing', () => {
    expect(thrownBy(() => loadInventory({ file: '/nowhere.yml', operator })).code).toBe('FLEET_CONFIG_NOT_FOUND')
    expect(thrownBy(() => loadInventory({ file: 'x', hosts: './nowhere.yml', operator })).code).toBe(
      'FLEET_CONFIG_NOT_FOUND',
    )
  })

  it('puts what fleet.yml says below the defaults of the inventory', () => {
    const file = scratchFile('i.yml', 'hosts: { a: , b: { slots: 3 } }')
    const [a, b] = loadInventory({ file, operator, defaults: { slots: 9, root: '/f' } }).nodes
    expect(a).toMatchObject({ slots: 9, root: '/f', from: { slots: 'fleet.yml', root: 'fleet.yml' } })
    expect(b).toMatchObject({ slots: 3, root: '/f' })
  })

  it('returns values that cannot be changed', () => {
    const inventory = loadInventory({ file: scratchFile('i.yml', 'hosts: { a: }'), operator })
    const [node] = inventory.nodes
    for (const part of [inventory, inventory.nodes, node, node?.env, node?.from, node?.groups])
      expect(Object.isFrozen(part)).toBe(true)
  })

  it('reads 30,000 hosts that are written one by one', () => {
    const hosts = Array.from({ length: 30_000 }, (_, index) => `  n${index}: { slots: ${(index % 9) + 1} }`)
    const { nodes } = loadInventory({ file: scratchFile('i.yml', `hosts:\n${hosts.join('\n')}`), operator })
    expect(nodes).toHaveLength(30_000)
    expect(nodes.at(-1)).toMatchObject({ node: 'n29999', slots: 3 })
  })

  it('takes 100,000 nodes and refuses one more', () => {
    const file = scratchFile('i.yml', `groups: { g: { hosts: ["n[1:${MAX_NAMES}]"] } }`)
    expect(loadInventory({ file, operator }).nodes).toHaveLength(MAX_NAMES)
    expect(refusal(`groups: { g: { hosts: ["n[1:${MAX_NAMES}]", m] } }`)).toEqual([
      '1:39: expected at most 100000 nodes with 10 mentions each, found more',
    ])
    expect(refusal('groups: { g: { hosts: ["n[1:60000]", "m[1:60000]"] } }')).toEqual([
      '1:38: expected at most 100000 nodes with 10 mentions each, found more',
    ])
  })
})
