// `fleet hosts -v`: each value, where it came from, and no line that is longer than what it tells.
import { expect, it } from 'vitest'
import { nodeDetails } from '../../src/cli/output/node-details.ts'
import { configWithoutFile, loadInventory, reachNodes } from '../../src/config/index.ts'
import { scratchFile } from '../config/scratch-folder.ts'

const operator = { user: 'me', home: '/home/me', identities: [], agent: undefined }

it('tells each value with its source, and each item of a list on a line of its own', () => {
  const text = 'defaults: { user: deploy, env: { A: b } }\nhosts: { a: { via: [x, "u@y:2222"] }, b: { pool: false } }\n'
  const inventory = loadInventory({ file: scratchFile('i.yml', text), operator })
  const nodes = reachNodes(inventory.nodes, inventory, { operator, sshConfig: [] })
  const lines = nodeDetails(nodes, configWithoutFile('/nowhere/fleet.yml'), (_, part) => part).map((line) =>
    line.replace(/\(\S*\/i\.yml/, '(i.yml'),
  )
  expect(lines.slice(0, 12)).toEqual([
    'a',
    '  address         a                                     # name of the node',
    '  port            22                                    # built in',
    '  user            deploy                                # defaults (i.yml:1:13)',
    '  via             me@x:22                               # host (i.yml:2:15)',
    '                  u@y:2222',
    '  identities      none                                  # operator',
    '  agent           none                                  # operator',
    '  known hosts     /home/me/.ssh/known_hosts             # built in',
    '                  /home/me/.ssh/known_hosts2',
    '                  /etc/ssh/ssh_known_hosts',
    '                  /etc/ssh/ssh_known_hosts2',
  ])
  expect(lines).toContain('  env A           b                                     # defaults (i.yml:1:34)')
  expect(lines).toContain('  slots           not in the fleet                      # host (i.yml:2:44)')
  expect(lines[lines.indexOf('b') - 1]).toBe('')
})
