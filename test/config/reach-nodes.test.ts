import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadInventory, reachNodes, type ReachableNode, type ReachOptions } from '../../src/config/index.ts'
import { scratchFile, scratchFolder, thrownBy } from './scratch-folder.ts'

interface World {
  readonly inventory: string
  readonly sshConfig?: string
  readonly options?: Omit<ReachOptions, 'operator' | 'sshConfig'>
}

/** The nodes of an inventory, reached by somebody whose ~/.ssh/config has the text given. */
function reach({ inventory: text, sshConfig = '', options = {} }: World): readonly ReachableNode[] {
  const home = scratchFolder()
  mkdirSync(join(home, '.ssh'))
  const file = join(home, '.ssh', 'config')
  writeFileSync(file, sshConfig, { mode: 0o600 })
  const operator = { user: 'me', home, identities: [join(home, '.ssh/id_ed25519')], agent: '/run/agent' }
  const inventory = loadInventory({ file: scratchFile('i.yml', text), operator })
  const nodes = reachNodes(inventory.nodes, inventory, {
    ...options,
    operator,
    sshConfig: [{ file, whose: 'user', isPrivate: true }],
  })
  return JSON.parse(JSON.stringify(nodes).replaceAll(home, '/home/me')) as ReachableNode[]
}

function only(world: World): ReachableNode {
  const [node] = reach(world)
  if (node === undefined) throw new Error('expected a node')
  return node
}

const wayOf = ({ via }: ReachableNode): readonly string[] => via.map((hop) => `${hop.user}@${hop.address}:${hop.port}`)

describe('reachNodes', () => {
  it('answers every question with what is built in when nothing else does', () => {
    const { access, via, from } = only({ inventory: 'hosts: { a: }' })
    expect(access).toEqual({
      name: 'a',
      address: 'a',
      port: 22,
      user: 'me',
      identities: ['/home/me/.ssh/id_ed25519'],
      identitiesOnly: false,
      agent: '/run/agent',
      knownHosts: [
        '/home/me/.ssh/known_hosts',
        '/home/me/.ssh/known_hosts2',
        '/etc/ssh/ssh_known_hosts',
        '/etc/ssh/ssh_known_hosts2',
      ],
      acceptNew: false,
      notes: [],
    })
    expect(via).toEqual([])
    expect(from).toMatchObject({
      address: 'name of the node',
      port: 'built in',
      user: 'operator',
      identities: 'operator',
      identitiesOnly: 'built in',
      agent: 'operator',
      via: 'built in',
      knownHosts: 'built in',
      acceptNew: 'built in',
    })
  })

  it('takes from ssh_config what the inventory leaves open, and says from which line', () => {
    const sshConfig = [
      'Host web*',
      '  HostName %h.example.net',
      '  User deploy',
      '  Port 2222',
      '  IdentityFile ~/.ssh/%r',
      '  IdentityFile /keys/%h-%p',
      '  IdentitiesOnly yes',
      '  IdentityAgent none',
      '  UserKnownHostsFile ~/.ssh/kh /kh2',
      '  GlobalKnownHostsFile none',
      '  HostKeyAlias Web',
      '  StrictHostKeyChecking accept-new',
      '  ConnectTimeout 1m',
    ].join('\n')
    const { access, from } = only({ inventory: 'hosts: { web1: { port: 7 } }', sshConfig })
    expect(access).toMatchObject({
      name: 'web1',
      address: 'web1.example.net',
      port: 7,
      user: 'deploy',
      identities: ['/home/me/.ssh/deploy', '/keys/web1.example.net-7'],
      identitiesOnly: true,
      knownHosts: ['/home/me/.ssh/kh', '/kh2'],
      hostKeyAlias: 'web',
      acceptNew: true,
      connectTimeoutMs: 60_000,
    })
    expect(access).not.toHaveProperty('agent')
    expect(from).toMatchObject({
      address: '~/.ssh/config:2',
      user: '~/.ssh/config:3',
      identities: '~/.ssh/config:5, ~/.ssh/config:6',
      agent: '~/.ssh/config:8',
      knownHosts: '~/.ssh/config:9, ~/.ssh/config:10',
      hostKeyAlias: '~/.ssh/config:11',
      acceptNew: '~/.ssh/config:12',
      connectTimeoutMs: '~/.ssh/config:13',
    })
    expect(from['port']).toMatch(/i\.yml:1:/)
  })

  it('looks a node up by its address, with the user of the inventory', () => {
    const sshConfig = 'Match host alias user bob\n HostName 10.0.0.9\nHost a\n Port 1\n'
    const { access } = only({ inventory: 'hosts: { a: { address: alias, user: bob } }', sshConfig })
    expect(access).toMatchObject({ address: '10.0.0.9', port: 22, user: 'bob' })
  })

  it('lets the command line decide over known_hosts and new keys', () => {
    const { access, from } = only({
      inventory: 'hosts: { a: }',
      sshConfig: 'UserKnownHostsFile /k\nStrictHostKeyChecking yes',
      options: { knownHosts: ['/mine'], acceptNew: true },
    })
    expect(access).toMatchObject({ knownHosts: ['/mine'], acceptNew: true })
    expect(from).toMatchObject({ knownHosts: '--known-hosts', acceptNew: '--accept-new' })
  })

  it('never records new keys in the file of the whole machine', () => {
    const { access } = only({
      inventory: 'hosts: { a: }',
      sshConfig: 'UserKnownHostsFile none\nStrictHostKeyChecking no',
    })
    expect(access.knownHosts[0]).toBe('/dev/null')
    expect(access.acceptNew).toBe(true)
    expect(access.notes).toEqual([
      'ssh_config turns the check of host keys off (~/.ssh/config:2): fleet takes new keys and still refuses changed ones',
    ])
  })

  it('takes a zero or an endless ConnectTimeout as what a timer can hold', () => {
    const timeout = (value: string): number | undefined =>
      only({ inventory: 'hosts: { a: }', sshConfig: `ConnectTimeout ${value}` }).access.connectTimeoutMs
    expect(['0', 'none', '5'].map(timeout)).toEqual([undefined, undefined, 5000])
    expect(timeout('60w')).toBe(3_600_000)
  })
})

describe('hops', () => {
  it('come from ProxyJump, each looked up in ssh_config, the first with hops of its own', () => {
    const sshConfig = [
      'Host a',
      ' ProxyJump first,root@second:2200',
      'Host first',
      ' HostName 203.0.113.1',
      ' ProxyJump outer',
      'Host second',
      ' User ignored',
      ' ProxyJump never',
      'Host outer',
      ' Port 99',
    ].join('\n')
    const node = only({ inventory: 'hosts: { a: }', sshConfig })
    expect(wayOf(node)).toEqual(['me@outer:99', 'me@203.0.113.1:22', 'root@second:2200'])
    expect(node.via.map(({ name }) => name)).toEqual(['outer', 'first', 'second:2200'])
    expect(node.from['via']).toBe('~/.ssh/config:2')
    expect(node.refusal).toBeUndefined()
  })

  it('come from the inventory first: nodes of it with all that it knows, and other servers by ssh_config', () => {
    const inventory = `
hosts:
  a: { via: [gate, "op@[::1]:2200"] }
  gate: { address: 203.0.113.9, user: jump, port: 23, pool: false, via: edge }
  edge: { pool: false }
`
    const sshConfig =
      'Host a gate\n ProxyJump unused\nHost edge\n HostName edge.example.net\nHost ::1\n IdentityFile /k\n'
    const [a] = reach({ inventory, sshConfig })
    expect(a && wayOf(a)).toEqual(['me@edge.example.net:22', 'jump@203.0.113.9:23', 'op@::1:2200'])
    expect(a?.via[2]?.identities).toEqual(['/k'])
    expect(a?.from['via']).toMatch(/i\.yml/)
  })

  it('are none where inventory or ssh_config says so', () => {
    const sshConfig = 'Host b\n ProxyJump none\nHost *\n ProxyJump gate\nHost c\n ProxyCommand none\n'
    const [a, b] = reach({ inventory: 'hosts: { a: { via: none }, b: }', sshConfig })
    expect([a, b].map((node) => node && wayOf(node))).toEqual([[], []])
    expect(b?.from['via']).toBe('~/.ssh/config:2')
  })

  it('that lead back to themselves are refused, for that node only', () => {
    const sshConfig = 'Host a\n ProxyJump gate\nHost gate\n ProxyJump outer\nHost outer\n ProxyJump gate\n'
    const [a, b] = reach({ inventory: 'hosts: { a: , b: }', sshConfig })
    expect(b?.refusal).toBeUndefined()
    expect(a?.refusal).toMatchObject({ code: 'FLEET_CONFIG_BAD_HOP' })
  })

  it('that name another one for ever are refused', () => {
    const node = only({ inventory: 'hosts: { a: }', sshConfig: 'ProxyJump %hx\n' })
    expect(node.refusal).toMatchObject({ code: 'FLEET_CONFIG_BAD_HOP' })
  })

  it('are found once, however many nodes are behind them', () => {
    const sshConfig = 'Host n*\n ProxyJump gate\n'
    const nodes = reach({ inventory: 'groups: { g: { hosts: ["n[1:50]"] } }', sshConfig })
    expect(nodes.every((node) => wayOf(node).join() === 'me@gate:22')).toBe(true)
  })
})

describe('what fleet cannot do', () => {
  it.each([
    ['ProxyCommand nc %h %p', 'FLEET_CONFIG_SSH_UNSUPPORTED'],
    ['Match all\nRefuseConnection "closed on sundays"', 'FLEET_CONFIG_SSH_UNSUPPORTED'],
    ['UserKnownHostsFile %Z', 'FLEET_CONFIG_INVALID'],
    ['IdentityFile ${FLEET_TEST_IS_NOT_SET}/k', 'FLEET_CONFIG_INVALID'],
    ['HostName %n', 'FLEET_CONFIG_INVALID'],
    ['HostName "a b"', 'FLEET_CONFIG_INVALID'],
    ['User "a\u001b[31m"', 'FLEET_CONFIG_INVALID'],
  ])('refuses the node: %j', (sshConfig, code) => {
    expect(only({ inventory: 'hosts: { a: }', sshConfig }).refusal).toMatchObject({ code })
  })

  it('refuses a node whose hop needs a ProxyCommand, and names its line', () => {
    const home = scratchFolder()
    const file = join(home, 'config')
    writeFileSync(file, 'Host a\n ProxyJump gate\nHost gate\n ProxyCommand nc %h %p\n')
    const operator = { user: 'me', home, identities: [], agent: undefined }
    const inventory = loadInventory({ file: scratchFile('i.yml', 'hosts: { a: }'), operator })
    const [node] = reachNodes(inventory.nodes, inventory, { operator, sshConfig: [{ file, whose: 'user' }] })
    expect(node?.refusal?.message).toBe(
      'expected a way to gate that fleet can take, found a ProxyCommand at ~/config:4: "nc %h %p"',
    )
    expect(node?.refusal?.remedy).toContain('ProxyJump')
  })

  it('takes a hop behind another one without its own ProxyCommand, as ssh -J does', () => {
    const sshConfig = 'Host a\n ProxyJump one,two\nHost two\n ProxyCommand nc %h %p\n'
    const node = only({ inventory: 'hosts: { a: }', sshConfig })
    expect(node.refusal).toBeUndefined()
    expect(wayOf(node)).toEqual(['me@one:22', 'me@two:22'])
  })

  it('is told in a note with its line, and never passed over', () => {
    const sshConfig = [
      'CertificateFile /c',
      'PKCS11Provider /lib/p.so',
      'GSSAPIAuthentication yes',
      'Ciphers aes256-ctr',
      'VerifyHostKeyDNS yes',
      'BindAddress 10.0.0.1',
      'PubkeyAuthentication no',
      'SecurityKeyProvider internal',
      'KnownHostsCommand none',
      'HostbasedAuthentication no',
      'ForwardAgent yes',
      'SendEnv LANG LC_*',
    ].join('\n')
    const { notes } = only({ inventory: 'hosts: { a: }', sshConfig }).access
    expect(notes.map((note) => /~\/\.ssh\/config:(\d+)/.exec(note)?.[1])).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    expect(notes[0]).toBe('ssh_config asks for CertificateFile (~/.ssh/config:1): fleet cannot offer certificates')
  })

  it('leaves out blocks that depend on a command, runs nothing, and says so where they might have applied', () => {
    const trap = join(scratchFolder(), 'was-run')
    const sshConfig = `Match host a exec "touch ${trap}"\n User x\nMatch host b exec true\n User y\nMatch tagged t\n Port 9\n`
    const { access } = only({ inventory: 'hosts: { a: }', sshConfig })
    expect(access).toMatchObject({ user: 'me', port: 22 })
    expect(access.notes).toEqual([
      'the Match block at ~/.ssh/config:1 depends on exec, which fleet cannot tell: it was not applied',
      'the Match block at ~/.ssh/config:5 depends on tagged, which fleet cannot tell: it was not applied',
    ])
    expect(() => mkdirSync(trap)).not.toThrow()
  })
})

describe('one place for two nodes', () => {
  it('is refused when ssh_config writes one IPv6 address in two ways', () => {
    const sshConfig = 'Host a\n HostName 2001:db8::1\nHost b\n HostName 2001:DB8:0:0::1\n'
    const error = thrownBy(() => reach({ inventory: 'hosts: { a: , b: }', sshConfig }))
    expect(error.message).toContain('where "a" is already')
  })

  it('is refused when only ssh_config makes it one', () => {
    const error = thrownBy(() =>
      reach({ inventory: 'hosts: { a: , b: { address: alias } }', sshConfig: 'Host a alias\n HostName 10.0.0.1\n' }),
    )
    expect(error.code).toBe('FLEET_CONFIG_INVALID')
    expect(error.message).toContain(
      'expected a place of its own for every node, found "b" at me@10.0.0.1 port 22, where "a" is already',
    )
  })

  it.each([
    ['another port', 'hosts: { a: , b: { port: 23 } }'],
    ['another root', 'hosts: { a: , b: { root: /srv } }'],
    ['another way', 'hosts: { a: , b: { via: gate } }'],
    ['no part of the fleet', 'hosts: { a: , b: { pool: false } }'],
  ])('is allowed with %s', (_, inventory) => {
    expect(reach({ inventory, sshConfig: 'Host a b\n HostName 10.0.0.1\n' })).toHaveLength(2)
  })
})
