// What is written into etc/ on a node.
import { execFileSync } from 'node:child_process'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parseJobName, parseNodeName, Secret } from '../../src/core/index.ts'
import {
  cronCommand,
  keepCommand,
  kitFiles,
  renderDesired,
  renderWorkerFiles,
  statusCommand,
  type WorkerSettings,
} from '../../src/node/index.ts'

const SETTINGS: WorkerSettings = {
  job: parseJobName('photos'),
  node: parseNodeName('node07'),
  kind: 'exec',
  command: ['./main', '--user', '{id}', 'at={node}/{slot}', "it's", ''],
  env: { LOG_LEVEL: 'info' },
  secrets: { S3_KEY: new Secret('k e"y') },
  graceMs: 30_000,
  timeoutMs: 0,
  url: 'https://10.0.0.5:7070/',
  token: new Secret('tok"en\\'),
}

function file(name: string, changes: Partial<WorkerSettings> = {}): string | undefined {
  return renderWorkerFiles({ ...SETTINGS, ...changes }).find((one) => one.path === `etc/${name}`)?.content
}

const refusal = (code: string): Error => expect.objectContaining({ code }) as Error

describe('worker files', () => {
  test('a template becomes sh that names variables, so that it is filled in once', () => {
    expect(file('command.sh')).toBe(
      `set -- "$FLEET_RELEASE"/./main --user "$FLEET_ID" at="$FLEET_NODE"/"$FLEET_SLOT" 'it'\\''s' ''\n`,
    )
    expect(file('command.sh', { command: ['rsync', '{id'] })).toBe("set -- rsync '{id'\n")
    expect(file('command.sh', { command: ['/bin/cp'] })).toBe('set -- /bin/cp\n')
  })

  test('a script that node is to run is one of the release, where release.runtime is asked for', () => {
    const command = ['node', 'lib/main.js', 'x.js', '{id}']
    expect(file('command.sh', { command, runtime: 'node' })).toBe(
      'set -- node "$FLEET_RELEASE"/lib/main.js x.js "$FLEET_ID"\n',
    )
    expect(file('command.sh', { command })).toBe('set -- node lib/main.js x.js "$FLEET_ID"\n')
    for (const first of ['-e', '/opt/x.js', '{id}', '']) {
      expect(file('command.sh', { command: ['node', first], runtime: 'node' })).not.toContain('FLEET_RELEASE')
    }
  })

  test('settings name everything that the kit has to know', () => {
    expect(file('settings')).toBe(
      "job=photos\nnode=node07\nkind=exec\ngrace_ms=30000\ntimeout_ms=0\nurl=https://10.0.0.5:7070\nca=''\nshell=/bin/sh\nruntime=''\n",
    )
  })

  test('secrets and the token are in files of mode 0600, and nowhere in what is printed of the settings', () => {
    expect(renderWorkerFiles(SETTINGS).map(({ path, mode }) => [path, mode])).toEqual(
      ['settings', 'command.sh', 'worker.env', 'curl.conf', 'token'].map((name) => [`etc/${name}`, 0o600]),
    )
    expect(file('worker.env')).toBe(`export LOG_LEVEL=info\nexport S3_KEY='k e"y'\n`)
    expect(file('curl.conf')).toContain('header = "Authorization: Bearer tok\\"en\\\\"\n')
    expect(file('token')).toBe('tok"en\\\n')
    expect(inspect(SETTINGS)).not.toMatch(/k e"y|tok"en/)
  })

  test('a runtime goes in front of the PATH that the user sets, if the node has it', () => {
    const content = file('worker.env', { env: { PATH: '/opt/bin' }, runtime: 'node' }) ?? ''
    expect(file('settings', { runtime: 'node' })).toContain('\nruntime=node\n')
    const path = (before: string): string =>
      execFileSync('/bin/sh', ['-c', `${before}; eval "$1"; printf %s "$PATH"`, 'sh', content], { encoding: 'utf8' })
    expect(path("FLEET_RUNTIME='/a b/$(x)'")).toBe('/a b/$(x)/bin:/opt/bin')
    expect(path('set -u; unset FLEET_RUNTIME')).toBe('/opt/bin')
    expect(file('worker.env')).not.toContain('PATH')
  })

  test('a certificate and an empty token are possible', () => {
    expect(file('ca.pem', { caPem: 'PEM' })).toBe('PEM')
    expect(file('settings', { caPem: 'PEM' })).toContain('ca=yes\n')
    expect(file('curl.conf', { token: new Secret('') })).not.toContain('Authorization')
    expect(file('curl.conf', { insecure: true })).toContain('\ninsecure\n')
  })

  test.each(['1A', 'A-B', '', 'A B', 'é', 'FLEET_ID', 'IFS', 'PPID'])('the environment name %j is refused', (name) => {
    expect(() => file('worker.env', { env: { [name]: 'x' } })).toThrow(refusal('FLEET_NODE_BAD_ENV'))
  })

  test('a NUL in a secret is refused without showing the secret', () => {
    const secrets = { KEY: new Secret('hidden\0') }
    expect(() => file('worker.env', { secrets })).toThrow(refusal('FLEET_NODE_BAD_ENV'))
    expect(() => file('worker.env', { secrets })).not.toThrow(/hidden/)
  })

  test.each([[[]], [['']], [['-x']], [['./{id}']]])('the command %j is refused', (command) => {
    expect(() => file('command.sh', { command })).toThrow(refusal('FLEET_NODE_BAD_COMMAND'))
  })

  test('a native command has no ID to be given', () => {
    expect(() => file('command.sh', { kind: 'native' })).toThrow(refusal('FLEET_NODE_BAD_COMMAND'))
  })

  test('numbers and tokens that no node could use are refused', () => {
    expect(() => file('settings', { graceMs: 1.5 })).toThrow(refusal('FLEET_NODE_BAD_SETTING'))
    expect(() => file('settings', { timeoutMs: -1 })).toThrow(refusal('FLEET_NODE_BAD_SETTING'))
    expect(() => file('curl.conf', { token: new Secret('a\nurl = "x"') })).toThrow(refusal('FLEET_NODE_BAD_SETTING'))
  })
})

describe('what is desired', () => {
  test('is four lines', () => {
    expect(renderDesired({ state: 'up', mode: 'drain', slots: 67, generation: 3 })).toBe(
      'state=up\nmode=drain\nslots=67\ngeneration=3\n',
    )
  })

  test.each([-1, 0.5, 10_000, Number.NaN])('cannot be %d slots', (slots) => {
    expect(() => renderDesired({ state: 'up', mode: 'now', slots, generation: 0 })).toThrow(
      refusal('FLEET_NODE_BAD_SETTING'),
    )
  })
})

test('the kit is every program, sorted', () => {
  expect(kitFiles().map(({ name }) => name)).toEqual(
    ['child', 'cron', 'find', 'keep', 'lib', 'run', 'slot', 'status', 'worker'].map((name) => `${name}.sh`),
  )
  expect(kitFiles().every(({ content }) => content.length > 100)).toBe(true)
})

test('commands are values that carry base and arguments apart from their script', () => {
  for (const command of [
    keepCommand('~/x y'),
    statusCommand('~/x y'),
    cronCommand('~/x y', parseJobName('photos'), 'install', 'unlocked'),
  ]) {
    expect(command.base).toBe('~/x y')
    expect(command.script).not.toContain('x y')
  }
  expect(cronCommand('/b', parseJobName('photos'), 'remove', 'unlocked').args).toEqual(['photos', 'remove'])
})
