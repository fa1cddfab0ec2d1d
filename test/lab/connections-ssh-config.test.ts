// What the operator's ssh_config says, on real hosts: an alias, a key, a host behind another one.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { admitOnlyFrom } from './node-changes.ts'
import { createOperator, nodesOf, outcomesOf, type Operator } from './operator.ts'

describeOnLab('an inventory that leaves all to ssh_config', () => {
  let lab: Lab
  let operator: Operator

  beforeAll(async () => {
    lab = await startLab({ nodes: 3 })
    const [gate = '', near = '', far = ''] = lab.nodes.map(({ address }) => address)
    await admitOnlyFrom(lab, 3, gate)
    const key = join(lab.shared.here, 'operator_key')
    copyFileSync(lab.keyFile, key)
    const sshConfig = `Host gate near far
  User deploy
  IdentityFile ${key}
  IdentitiesOnly yes
  UserKnownHostsFile ${lab.knownHostsFile}
Host gate
  HostName ${gate}
Host near
  HostName ${near}
Host far
  HostName ${far}
  ProxyJump gate
`
    operator = await createOperator({ inventory: 'hosts:\n  near: {}\n  far: {}\n', sshConfig })
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
    ])
  })

  it('reaches the alias and the host behind the other one', async () => {
    const result = await operator.fleet('exec', '--json', '--', 'hostname')
    expect(outcomesOf(result), result.stderr).toEqual(['near: ok', 'far: ok'])
    expect(result.stdout).toContain('node02')
    expect(result.stdout).toContain('node03')
  })
})
