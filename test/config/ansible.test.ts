import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadInventory, type Inventory, type InventoryNode } from '../../src/config/index.ts'
import { findProgram } from '../support/requires-program.ts'
import { refusalLines, scratchFile, scratchFolder, thrownBy } from './scratch-folder.ts'

const operator = { user: 'me', home: '/home/me', identities: [], agent: undefined }
const SAMPLES = join(import.meta.dirname, '../../inventory')

function load(text: string, name = 'hosts.ini'): Inventory {
  return loadInventory({ file: scratchFile(name, text), operator })
}

function first(inventory: Inventory): InventoryNode {
  const [node] = inventory.nodes
  if (node === undefined) throw new Error('expected a node')
  return node
}

/** Writes files below a fresh folder; the path of the first. */
function tree(files: Readonly<Record<string, string>>): string {
  const folder = scratchFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return join(folder, Object.keys(files)[0] ?? '')
}

describe('variables of Ansible', () => {
  it.each([
    ['a ansible_ssh_common_args="-o ProxyJump=b,c@d:22"', ['b', 'c@d:22']],
    ["a ansible_ssh_common_args='-J b -q'", ['b']],
    ["a ansible_ssh_common_args='-Jb'", ['b']],
    ["a ansible_ssh_extra_args='-o ProxyJump=none'", []],
    [`a ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p -q -p 2222 u@gate"'`, ['u@gate:2222']],
    ["a ansible_ssh_common_args='-o ControlMaster=no'", undefined],
    ['a fleet_via=b,c ansible_ssh_common_args="-o ProxyCommand=nc"', ['b', 'c']],
    ['a fleet_via=none', []],
  ])('%s', (line, via) => {
    expect(first(load(line)).via).toEqual(via)
  })

  it('are not needed as a rule, and then anything may stand in them', () => {
    const text = 'a app="{{ x }}" ansible_become=yes ansible_python_interpreter=/x\n[all:vars]\nsecret={{ vault }}\n'
    expect(first(load(text))).toMatchObject({ node: 'a', user: undefined, port: undefined })
  })

  it.each([
    [
      'a ansible_user="{{ who }}"',
      '1:3: expected ansible_user without a template (only Ansible can fill it in), found "{{ who }}" (string)',
    ],
    ['a ansible_port=none', '1:3: expected ansible_port to be a whole number from 1 to 65535, found "none" (string)'],
    ['a ansible_port=99999', '1:3: expected ansible_port to be a whole number from 1 to 65535, found "99999" (string)'],
    ['a ansible_user=-oX', '1:3: expected ansible_user to be a login name, found "-oX" (string)'],
    ['a ansible_host=-oX', '1:3: expected ansible_host to be a host name or an IP address, found "-oX" (string)'],
    [
      'a fleet_root=../x',
      '1:3: expected fleet_root to be an absolute path, or one starting with ~/, without "..", found "../x" (string)',
    ],
    [
      `a ansible_ssh_common_args='-o ProxyCommand="nc %h %p"'`,
      '1:3: expected ansible_ssh_common_args with a way through hosts (or fleet_via beside it), found "ProxyCommand=nc %h %p"',
    ],
    ['a x="unclosed', '1:1: expected every quote to be closed, found "a x=\\"unclosed"'],
    ['[g:vars]\nx=1', '1:1: expected a section [g] or [g:children] for the variables of "g", found none'],
    ['[g:children]\nh', '2:1: expected a section [h] or [h:children] for the child "h" of "g", found none'],
    ['[g:hosst]\na', '1:1: expected a section of hosts, children or vars, found "hosst"'],
    ['[a b]\nx', '1:1: expected a section such as [web], [web:vars] or [web:children], found "[a b]"'],
    ['[g:vars]\nnothing\n[g]\na', '2:1: expected NAME=VALUE, found "nothing"'],
    [
      '[a:children]\nb\n[b:children]\na\n',
      '2:1: expected groups that are not inside themselves, found "a" > "b" > "a"',
    ],
    ['a[1:', '1:1: expected brackets in pairs, not inside each other, found "a[1:"'],
  ])('%j is refused', (text, line) => {
    const file = scratchFile('hosts', text)
    expect(
      refusalLines(
        thrownBy(() => loadInventory({ file, operator })),
        file,
      ),
    ).toEqual([line])
  })

  it('tells a mistake once that reaches many nodes, and none that reaches no node', () => {
    const file = scratchFile('hosts', '[g]\nn[1:9]\n[g:vars]\nansible_port=x\n[all:vars]\nansible_port=y\n')
    expect(
      refusalLines(
        thrownBy(() => loadInventory({ file, operator })),
        file,
      ),
    ).toHaveLength(1)
  })

  it('that are encrypted are refused where they are needed', () => {
    const file = scratchFile(
      'h.yml',
      'all:\n  hosts:\n    a:\n      ansible_user: !vault |\n        $ANSIBLE_VAULT;1.1\n',
    )
    expect(
      refusalLines(
        thrownBy(() => loadInventory({ file, operator })),
        file,
      ),
    ).toEqual(['4:7: expected ansible_user in plain text, found a value encrypted by ansible-vault'])
  })

  it('keep hosts out of the fleet that are not reached by SSH, and say so', () => {
    const { nodes, notes } = load('localhost ansible_connection=local\nb ansible_connection=ssh ansible_password=x\n')
    expect(nodes.map(({ node, pool }) => [node, pool])).toEqual([
      ['localhost', false],
      ['b', true],
    ])
    expect(notes).toEqual([
      expect.stringMatching(
        /hosts\.ini:1:11: ansible_connection=local is not SSH: such hosts are not part of the fleet/,
      ),
      expect.stringMatching(/hosts\.ini:2:26: ansible_password is not used: passwords are asked for/),
    ])
  })

  it('lets what is not honoured be said once for many hosts', () => {
    const { notes } = load('a ansible_password=x\nb ansible_password=x\nc ansible_password=x\n')
    expect(notes).toEqual([
      expect.stringMatching(/^\S+:1:3: ansible_password is not used: .* \(and in 2 more places\)$/),
    ])
  })

  it('are read from group_vars and host_vars; what is encrypted there is named', () => {
    const file = tree({
      'hosts.ini': '[g]\na ansible_port=1\nb\n[g:vars]\nansible_user=ini\n',
      'group_vars/all.yml': 'ansible_user: all\nansible_port: 9\n',
      'group_vars/g/main.yml': 'fleet_slots: 5\n',
      'group_vars/g/vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n00\n',
      'host_vars/a.yml': 'ansible_port: 2\nsecret: !vault x\n',
    })
    const { nodes, notes } = loadInventory({ file, operator })
    expect(nodes.map(({ user, port, slots }) => [user, port, slots])).toEqual([
      ['all', 2, 5],
      ['all', 9, 5],
    ])
    expect(nodes[0]?.from['port']).toBe(`host_vars (${join(dirname(file), 'host_vars/a.yml')}:1:1)`)
    expect(notes).toEqual([
      `${join(dirname(file), 'group_vars/g/vault.yml')}: encrypted by ansible-vault, not read`,
      `${join(dirname(file), 'host_vars/a.yml')}:2:1: secret is encrypted by ansible-vault; fleet does not need it`,
    ])
  })
})

const TRICKY_INI = `
; comment
lone:2201
[b-team]
h[1:3] ansible_user="bteam" # comment
h2 ansible_port=22 ansible_user='x#y'
[a-team]
h1
h3 ansible_host=10.0.0.3
h[05:09:2].net:99 ansible_user=root#comment
[prio]
h1
h2
[zz:children]
a-team
[top:children]
zz
b-team
[a-team:vars]
ansible_port = 1001 # a
ansible_host='a-team'
[b-team:vars]
ansible_port=1002
ansible_host="b-team"
[zz:vars]
ansible_port=1003
ansible_private_key_file=/k # not a comment
[prio:vars]
ansible_group_priority=9
ansible_port=1004
[top:vars]
ansible_user=top
ansible_ssh_common_args='-o ProxyJump=x -o "A=b c"'
[all:vars]
ansible_user=all
ansible_ssh_port=
fleet_pool=no
`
const TRICKY_YAML = `
all:
  vars: { ansible_user: all, ansible_port: 1, fleet_pool: no }
  hosts:
    lone:2201:
    one: { ansible_user: yes-man }
  children:
    b:
      vars: { ansible_port: 2, ansible_group_priority: 5 }
      hosts: { "n[1:3]": { ansible_host: shared }, one: }
    c: { vars: { ansible_port: 3 }, hosts: { n2: { ansible_host: own }, n3: } }
    d:
      children: { c: , e: { hosts: n1 } }
      vars: { ansible_port: 4, ansible_user: d }
standalone:
  hosts: { n9: }
`

const program = findProgram('ansible-inventory', 'the comparison with Ansible')

describe.skipIf(program === undefined)('what Ansible understands', () => {
  it.each([
    ['ansible.ini', join(SAMPLES, 'ansible.ini')],
    ['ansible.yml', join(SAMPLES, 'ansible.yml')],
    ['a tricky INI file', TRICKY_INI],
    ['a tricky YAML file', TRICKY_YAML],
    [
      'folders of variables',
      {
        'hosts.ini': TRICKY_INI,
        'group_vars/all': 'ansible_port: 1',
        'group_vars/zz.yml': 'ansible_port: 2',
        'group_vars/b-team/x.yml': 'ansible_port: 3',
        'host_vars/h3': 'ansible_port: 4',
      },
    ],
  ])('is what fleet understands: %s', (_name, source) => {
    const file =
      typeof source === 'object'
        ? tree(source)
        : source.startsWith('/')
          ? source
          : scratchFile(source === TRICKY_INI ? 'hosts.ini' : 'hosts.yml', source)
    const ours = Object.fromEntries(
      loadInventory({ file: file, operator }).nodes.map((node) => [node.node, seen(node)]),
    )
    expect(ours).toEqual(hostsOfAnsible(file))
  })
})

interface Seen {
  readonly address: unknown
  readonly port: unknown
  readonly user: unknown
  readonly identity: unknown
  readonly groups: readonly string[]
}

function seen({ node, address, port, user, identities, groups }: InventoryNode): Seen {
  return {
    address: address === node ? undefined : address,
    port,
    user,
    identity: identities?.[0],
    groups: groups.toSorted(),
  }
}

function hostsOfAnsible(file: string): Readonly<Record<string, Seen>> {
  const output = execFileSync(program ?? '', ['-i', file, '--list'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ANSIBLE_CONFIG: scratchFile('ansible.cfg', ''), HOME: scratchFolder(), LC_ALL: 'C.UTF-8' },
  })
  const listed = JSON.parse(output) as Record<string, { hosts?: string[]; children?: string[] }> & {
    _meta: { hostvars: Record<string, Record<string, unknown>> }
  }
  const groupsOf = new Map<string, Set<string>>()
  const walk = (group: string, above: readonly string[]): void => {
    const path = [...above, group]
    for (const host of listed[group]?.hosts ?? []) {
      const groups = groupsOf.get(host) ?? new Set()
      for (const name of path) if (name !== 'all' && name !== 'ungrouped') groups.add(name)
      groupsOf.set(host, groups)
    }
    for (const child of listed[group]?.children ?? []) walk(child, path)
  }
  walk('all', [])
  return Object.fromEntries(
    [...groupsOf].map(([host, groups]) => {
      const variables = listed._meta.hostvars[host] ?? {}
      const last = (...names: readonly string[]): unknown =>
        names
          .map((name) => variables[name])
          .filter((value) => value !== undefined && value !== '')
          .at(-1)
      const identity = last('ansible_private_key_file', 'ansible_ssh_private_key_file')
      return [
        host,
        {
          address: last('ansible_host', 'ansible_ssh_host'),
          port: last('ansible_port', 'ansible_ssh_port'),
          user: last('ansible_user', 'ansible_ssh_user'),
          identity:
            typeof identity === 'string'
              ? identity.replace(/^(?:~|\/tmp\/[^ ]*fleet-config-[^/]*)(?=\/\.ssh)/, '/home/me')
              : undefined,
          groups: [...groups].sort(),
        },
      ]
    }),
  )
}

describe('numbers in an Ansible YAML inventory', () => {
  it('are names and texts as they are written, though YAML 1.1 has octal, sexagesimal and truth', () => {
    const text =
      'all:\n  hosts:\n    010: { ansible_user: 007 }\n    0x10:\n    1_000:\n    no:\n  children: { 020: }\n'
    const { nodes, groups } = load(text, 'hosts.yml')
    expect(nodes.map(({ node }) => node)).toEqual(['010', '0x10', '1_000', 'no'])
    expect(nodes[0]).toMatchObject({ user: '007' })
    expect(groups).toEqual(['020'])
  })

  it('are refused as a port when they have a leading zero', () => {
    const file = scratchFile('hosts.yml', 'all: { hosts: { a: { ansible_port: 0022 } } }')
    expect(
      refusalLines(
        thrownBy(() => loadInventory({ file, operator })),
        file,
      ),
    ).toEqual(['1:22: expected ansible_port to be a whole number from 1 to 65535, found "0022" (string)'])
  })
})
