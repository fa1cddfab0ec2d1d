import { describe, expect, it } from 'vitest'
import { loadInventory, MAX_NAMES } from '../../src/config/index.ts'
import { refusalLines, scratchFile, scratchFolder, thrownBy } from './scratch-folder.ts'

const operator = { user: 'me', home: '/home/me', identities: [], agent: undefined }

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
      'groups: { a: { host: [n] } }',
      [
        '1:16: expected one of user, port, identity, root, slots, env, via, pool, hosts, children, found the unknown key "host"; did you mean "hosts"?',
      ],
    ],
    [
      'hosts: { 010: , True: , "020": , 7: }',
      [
        '1:10: expected a name in quotes, as YAML reads it as another one, found 010, which is "10"',
        '1:17: expected a name in quotes, as YAML reads it as another one, found True, which is "true"',
      ],
    ],
    [
      `hosts: ${'['.repeat(250)}${']'.repeat(250)}`,
      ['1:207: expected at most 200 levels of lists and mappings in each other, found more'],
    ],
    [
      `hosts: ${'{a: '.repeat(5000)}${'}'.repeat(5000)}`,
      [expect.stringMatching(/^1:\d+: expected at most 200 levels of lists and mappings in each other, found more$/)],
    ],
    [
      'hosts: { a: { adress: x } }',
      [
        '1:15: expected one of user, port, identity, root, slots, env, via, pool, address, found the unknown key "adress"; did you mean "address"?',
      ],
    ],
    [
      'hosts: { a: { via: "b c" } }',
      ['1:20: expected a hop such as bastion or user@host:22, a list of hops, or none, found "b c" (string)'],
    ],
    [
      'hosts: { a: { via: b }, b: { via: [a] } }',
      ['1:10: expected hops that lead to an end, found "a" via "b" via "a"; "via: none" makes a hop reached directly'],
    ],
    [
      'defaults: { via: b }\nhosts: { a: , b: { pool: false } }',
      ['2:15: expected hops that lead to an end, found "b" via "b"; "via: none" makes a hop reached directly'],
    ],
    [
      'groups: { a: { children: [b] }, b: { children: [c] }, c: { children: [a], hosts: [n] } }',
      ['1:16: expected groups that are not inside themselves, found "a" > "b" > "c" > "a"'],
    ],
    [
      'groups: { east: { hosts: [n] }, all2: { children: [esat, east, east] } }',
      [
        '1:52: expected the name of a group, found "esat"; did you mean "east"?',
        '1:64: expected each child once in group all2, found "east" again',
      ],
    ],
    [
      'groups: { g: { slots: 3 }, h: { hosts: [] } }',
      [
        '1:11: expected hosts or children in group g, found none',
        '1:28: expected hosts or children in group h, found none',
      ],
    ],
    [
      'hosts: { a: { address: H.example, via: x }, b: { address: h.example., via: x } }',
      ['1:45: expected a place of its own for every node, found "b" at h.example. via x, where "a" is already'],
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
    ['hosts: { "a[]": }', ['1:10: expected ranges such as [01:50], [a:f] or [1:9:2], found "a[]"']],
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
      ['1:15: expected a place of its own for every node, found "b" at a, where "a" is already'],
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

  it('takes user and port with each name, and addresses of IPv6', () => {
    const { nodes } = loadInventory({ file: 'x', hosts: 'me2@a[1:2]:2222,::1,[::2]:23,root@b', operator })
    expect(nodes.map(({ node, user, port }) => [node, user, port])).toEqual([
      ['a1', 'me2', 2222],
      ['a2', 'me2', 2222],
      ['::1', undefined, undefined],
      ['::2', undefined, 23],
      ['b', 'root', undefined],
    ])
  })

  it('puts a group after its parents, else the later group over the earlier one', () => {
    const text = `
groups:
  inner: { hosts: [n], slots: 1, port: 1 }
  later: { hosts: [n], slots: 2 }
  outer: { children: [inner], slots: 3, port: 3, root: /outer }`
    const [node] = loadInventory({ file: scratchFile('i.yml', text), operator }).nodes
    expect(node).toMatchObject({ groups: ['outer', 'inner', 'later'], slots: 2, port: 1, root: '/outer' })
  })

  it('reads groups nested 20,000 deep, and 100,000 hosts in each other form, in seconds', () => {
    const deep = Array.from({ length: 20_000 }, (_, index) => `  g${index}: { children: [g${index + 1}] }`)
    const text = `groups:\n${deep.join('\n')}\n  g20000: { hosts: [n] }`
    expect(loadInventory({ file: scratchFile('i.yml', text), operator }).nodes[0]?.groups).toHaveLength(20_001)
    const lines = Array.from(
      { length: 100_000 },
      (_, index) => `n${index} ansible_host=10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    )
    const { nodes } = loadInventory({ file: scratchFile('hosts.ini', `[g]\n${lines.join('\n')}`), operator })
    expect(nodes.at(-1)).toMatchObject({ node: 'n99999', address: '10.1.134.159' })
    const list = scratchFile('list', lines.map((line) => line.split(' ')[0]).join('\r\n'))
    expect(loadInventory({ file: list, operator }).nodes).toHaveLength(100_000)
  })

  it('refuses groups that multiply beyond all measure', () => {
    const deep = Array.from({ length: 100 }, (_, index) => `  g${index}: { children: [g${index + 1}] }`)
    expect(refusal(`groups:\n${deep.join('\n')}\n  g100: { hosts: ["n[1:100000]"] }`)).toEqual([
      expect.stringContaining('expected nodes in at most 1000000 groups together, found more at'),
    ])
  })

  it.each([
    ['#!/bin/sh\necho {}', 'hosts', 'FLEET_CONFIG_DYNAMIC', 'a program that prints an inventory'],
    [
      'plugin: amazon.aws.aws_ec2',
      'aws.yml',
      'FLEET_CONFIG_DYNAMIC',
      'the configuration of plugin "amazon.aws.aws_ec2"',
    ],
    [
      '{"_meta": {"hostvars": {}}, "all": {"children": []}}',
      'h.json',
      'FLEET_CONFIG_DYNAMIC',
      'the output of ansible-inventory --list',
    ],
    ['$ANSIBLE_VAULT;1.1;AES256\n61', 'hosts', 'FLEET_CONFIG_INVALID', 'ansible-vault has encrypted'],
    ['[web]\na\n', 'hosts.yml', 'FLEET_CONFIG_INVALID', 'the INI section "[web]"'],
    ['all:\n  hosts:\n', 'hosts.ini', 'FLEET_CONFIG_INVALID', 'what looks like YAML: "all:"'],
    [
      'hosts:\n  hosts:\n    a:\n',
      'h.yml',
      'FLEET_CONFIG_INVALID',
      "could be a key of fleet's form or a group of Ansible's",
    ],
    [
      'groups: { g: { hosts: [a] } }\nweb: { hosts: { b: } }',
      'h.yml',
      'FLEET_CONFIG_INVALID',
      '"groups", a key of fleet\'s form, beside "web"',
    ],
    ['a: &a { hosts: { n: }, children: { b: *a } }', 'h.yml', 'FLEET_CONFIG_INVALID', ''],
    [new Uint8Array([0x61, 0xff, 0x0a]), 'hosts', 'FLEET_CONFIG_INVALID', 'expected UTF-8 text'],
    [`${'x'.repeat(1_000_000)}\n`, 'hosts', 'FLEET_CONFIG_INVALID', 'expected a node name 1 to 128'],
    ['a\n__proto__\n', 'hosts', 'FLEET_CONFIG_INVALID', 'found "__proto__"'],
    ['a\nb a\n', 'hosts', 'FLEET_CONFIG_INVALID', ':2:3: expected one host a line, then NAME=VALUE, found "a"'],
    ['a\nb\nA\na:22\n', 'hosts', 'FLEET_CONFIG_INVALID', ':4:1: expected each host once in a list, found "a:22" again'],
  ])('refuses %j as %s', (text, name, code, message) => {
    const error = thrownBy(() => loadInventory({ file: scratchFile(name, text), operator }))
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
    expect(error.message.length).toBeLessThan(2000)
  })

  it('takes marks of byte order, CRLF, tabs and blanks at the ends of lines', () => {
    const file = scratchFile('hosts', '\uFEFF# list\r\n\ta1 \t\r\n\r\n  b_2\tansible_port=7\r\n')
    expect(loadInventory({ file, operator }).nodes.map(({ node, port }) => [node, port])).toEqual([
      ['a1', undefined],
      ['b_2', 7],
    ])
  })

  it('refuses a folder and says how to make a file of it', () => {
    const folder = scratchFolder()
    const error = thrownBy(() => loadInventory({ file: 'x', hosts: folder, operator }))
    expect(error).toMatchObject({ code: 'FLEET_CONFIG_DYNAMIC' })
    expect(error.remedy).toContain('--list --yaml')
  })

  it.each([
    ['a,a', '--hosts: expected each name once, found "a" again'],
    ['a,,b', '--hosts: expected names such as node01 or user@host:22, found ""'],
    ['a:0', '--hosts: expected names such as node01 or user@host:22, found "a:0"'],
    ['-oProxyCommand=x', '--hosts: expected names such as node01 or user@host:22, found "-oProxyCommand=x"'],
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
