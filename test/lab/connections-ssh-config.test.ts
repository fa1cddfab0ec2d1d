// What the operator's ssh_config says, on real hosts: an alias, a key in the home, a host behind another one or two.
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { admitOnlyFrom, loginsOf } from './node-changes.ts'
import { createOperator, nodesOf, outcomesOf, type Operator } from './operator.ts'

describeOnLab('an inventory that leaves all to ssh_config', () => {
  let lab: Lab
  let operator: Operator

  beforeAll(async () => {
    lab = await startLab({ nodes: 4 })
    const [gate = '', near = '', far = '', farther = ''] = lab.nodes.map(({ address }) => address)
    await admitOnlyFrom(lab, 3, gate)
    await admitOnlyFrom(lab, 4, near)
    const sshConfig = `Host gate near far farther
  User deploy
  IdentityFile ~/.ssh/operator_key
  IdentitiesOnly yes
  UserKnownHostsFile ${lab.knownHostsFile}
Host gate
  HostName ${gate}
Host near
  HostName ${near}
Host far
  HostName ${far}
  ProxyJump gate
Host farther
  HostName ${farther}
  ProxyJump gate,near
`
    operator = await createOperator({ inventory: 'hosts:\n  near: {}\n  far: {}\n  farther: {}\n', sshConfig })
    copyFileSync(lab.keyFile, join(operator.folder, '.ssh/operator_key'))
  })

  afterAll(async () => {
    await operator[Symbol.asyncDispose]()
    await lab.dispose()
  })

  it('shows where each value comes from', async () => {
    const hosts = await operator.fleet('hosts', '--json')
    expect(nodesOf(hosts)).toMatchObject([
      { node: 'near', address: lab.nodes[1]?.address, user: 'deploy', port: 22, via: [] },
      { node: 'far', address: lab.nodes[2]?.address, user: 'deploy', port: 22, via: ['gate'] },
      { node: 'farther', address: lab.nodes[3]?.address, user: 'deploy', port: 22, via: ['gate', 'near'] },
    ])
  })

  it('reaches the alias, the host behind one other and the host behind two, over one connection to the first', async () => {
    const before = loginsOf(lab, 1)
    const result = await operator.fleet('exec', '--json', '--', 'hostname')
    expect(outcomesOf(result), result.stderr).toEqual(['near: ok', 'far: ok', 'farther: ok'])
    for (const name of ['node02', 'node03', 'node04']) expect(result.stdout).toContain(name)
    expect(loginsOf(lab, 1) - before).toBe(1)
  })

  it('reaches what -F says instead, and offers no key of ssh_config when it says none', async () => {
    const file = join(operator.folder, 'other_config')
    const key = join(operator.folder, '.ssh/operator_key')
    writeFileSync(
      file,
      `Host near\n HostName ${lab.nodes[0]?.address ?? ''}\n User root\n IdentityFile ${key}\n UserKnownHostsFile ${lab.knownHostsFile}\n`,
    )
    const other = await operator.fleet('exec', '-F', file, '--limit', 'near', '--json', '--', 'hostname; id -un')
    expect(outcomesOf(other), other.stderr).toEqual(['near: ok'])
    expect(other.stdout).toContain(String.raw`node01\nroot\n`)
    const none = await operator.fleet('exec', '-F', 'none', '--limit', 'near', '--json', '--', 'hostname')
    expect(outcomesOf(none)).toEqual(['near: FLEET_SSH_AUTH'])
    expect(none.exitCode).toBe(4)
  })
})
