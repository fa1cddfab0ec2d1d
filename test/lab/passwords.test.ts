// Real hosts that let people in by password: sshd's own check, and PAM's questions.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { configureSshd, must } from './node-changes.ts'
import { createOperator, outcomesOf, type Operator } from './operator.ts'

const FLEET = join(import.meta.dirname, '../../bin/fleet')
const PASSWORD = 'pässword "x" $1'
const WRONG = 'wrong-horse-7'

describeOnLab('logging in with a password', () => {
  let lab: Lab
  let operator: Operator

  beforeAll(async () => {
    lab = await startLab({
      nodes: 2,
      sshdOptions: ['PasswordAuthentication yes', 'KbdInteractiveAuthentication no', 'LogLevel VERBOSE'],
    })
    // The second one takes nothing but PAM's questions.
    await configureSshd(lab, 2, ['PasswordAuthentication no', 'KbdInteractiveAuthentication yes'])
    for (const node of [1, 2]) await must(lab, node, `echo 'deploy:${PASSWORD}' | chpasswd`)
    operator = await createOperator({
      inventory: [
        'defaults: { user: deploy }',
        'hosts:',
        ...lab.nodes.map(({ name, address }) => `  ${name}: { address: ${address} }`),
      ].join('\n'),
      knownHostsFile: lab.knownHostsFile,
      env: { PW: PASSWORD, WRONG_PW: WRONG },
    })
  })
  afterAll(async () => {
    await operator[Symbol.asyncDispose]()
    await lab.dispose()
  })

  const failuresOf = (node: number): number =>
    lab.consoleLog(node).match(/^.*Failed password for deploy/gm)?.length ?? 0
  const connectionsOf = (node: number): number => lab.consoleLog(node).match(/Connection from /g)?.length ?? 0

  it('works with sshd’s own check and with PAM’s questions', async () => {
    const result = await operator.fleet('exec', '--password-env', 'PW', '--json', '--', 'id', '-un')
    expect(outcomesOf(result), result.stderr).toEqual(['node01: ok', 'node02: ok'])
    expect(lab.consoleLog(1)).toMatch(/Accepted password for deploy/)
    expect(lab.consoleLog(2)).toMatch(/Accepted keyboard-interactive\/pam for deploy/)
    expect(result.stdout + result.stderr).not.toContain(PASSWORD)
  })

  it('takes it from a descriptor as well', async () => {
    await writeFile(join(operator.folder, 'secret'), `${PASSWORD}\n`, { mode: 0o600 })
    const { stdout } = await promisify(execFile)(
      'sh',
      [
        '-c',
        'exec "$@" 3<secret',
        'sh',
        FLEET,
        'exec',
        '--known-hosts',
        lab.knownHostsFile,
        '--password-fd',
        '3',
        '--',
        'id',
        '-un',
      ],
      { cwd: operator.folder, env: { ...process.env, HOME: operator.folder, SSH_AUTH_SOCK: undefined } },
    )
    expect(stdout).toContain('deploy')
  })

  it('is given to the hop and to the node behind it', async () => {
    const [hop, node] = lab.nodes
    await writeFile(
      join(operator.folder, 'hops.json.yml'),
      JSON.stringify({
        defaults: { user: 'deploy' },
        hosts: {
          [hop?.name ?? '']: { address: hop?.address, pool: false },
          [node?.name ?? '']: { address: node?.address, via: hop?.name },
        },
      }),
    )
    const before = connectionsOf(1)
    const result = await operator.fleet(
      'exec',
      '--hosts',
      'hops.json.yml',
      '--password-env',
      'PW',
      '--json',
      '--',
      'true',
    )
    expect(outcomesOf(result), result.stderr).toEqual(['node02: ok'])
    expect(connectionsOf(1) - before).toBe(1)
    expect(lab.consoleLog(2)).toContain(`Connection from ${hop?.address ?? ''} `)
  })

  it('sends a wrong password once to each node, whatever the command, and prints it nowhere', async () => {
    for (const [verb, ...words] of [['exec', '--', 'true'], ['check'], ['status']] as const) {
      const before = [1, 2].map((node) => connectionsOf(node))
      const failed = [1, 2].map(failuresOf)
      const result = await operator.fleet(verb, '--password-env', 'WRONG_PW', '--json', '-v', ...words)
      expect(result.exitCode, result.stderr).toBe(4)
      expect(result.stdout).toContain('FLEET_SSH_AUTH')
      expect(result.stdout + result.stderr).not.toContain(WRONG)
      expect([1, 2].map((node) => connectionsOf(node)).map((now, index) => now - (before[index] ?? 0))).toEqual([1, 1])
      expect(failuresOf(1) - (failed[0] ?? 0)).toBe(1)
    }
    // PAM's refusals are logged in PAM's words.
    expect(lab.consoleLog(2).match(/Failed keyboard-interactive\/pam for deploy/g)).toHaveLength(3)
    for (const node of [1, 2]) expect(lab.consoleLog(node)).not.toContain(WRONG)
  })

  it('says what to give when the nodes want a password and there is none', async () => {
    const result = await operator.fleet('exec', '--', 'true')
    expect(result.exitCode).toBe(4)
    expect(result.stderr).toContain('--ask-password')
  })
})
