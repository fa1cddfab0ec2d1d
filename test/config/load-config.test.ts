import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fleetYmlTemplate, inventoryYmlTemplate, loadConfig, loadInventory } from '../../src/config/index.ts'
import { parseJobName } from '../../src/core/index.ts'
import { refusalLines, scratchFile, scratchFolder, thrownBy } from './scratch-folder.ts'

const MINIMAL = 'job: photos\nworker: { command: [./main] }\n'

function refusal(text: string): readonly string[] {
  const file = scratchFile('fleet.yml', text)
  const error = thrownBy(() => loadConfig(file))
  expect(error.code).toBe('FLEET_CONFIG_INVALID')
  return refusalLines(error, file)
}

const TIMEOUTS = {
  dnsMs: 10_000,
  connectMs: 10_000,
  bannerMs: 20_000,
  keyExchangeMs: 20_000,
  authenticationMs: 20_000,
  channelMs: 20_000,
  idleMs: 60_000,
}

describe('loadConfig', () => {
  it('applies every default to the shortest file', () => {
    const file = scratchFile('fleet.yml', MINIMAL)
    const folder = join(file, '..')
    expect(loadConfig(file)).toEqual({
      file,
      folder,
      job: 'photos',
      hosts: join(folder, 'inventory.yml'),
      root: '~/.fleet',
      release: { files: [], keep: 5, check: undefined, checkTimeoutMs: 60_000, runtime: undefined },
      worker: {
        kind: 'exec',
        command: ['./main'],
        slots: 1,
        env: {},
        secrets: [],
        graceMs: 30_000,
        timeoutMs: 0,
        keeper: 'auto',
      },
      dispatcher: {
        at: 'control',
        listen: { address: '0.0.0.0', port: 7070 },
        url: undefined,
        ledger: join(folder, '.fleet/ledger.db'),
        leaseMs: 300_000,
        failures: 5,
        crashes: 3,
        backoffMs: [10_000, 600_000],
      },
      ssh: { parallel: 10, perEndpoint: 8, retries: 6, timeouts: TIMEOUTS },
      window: { deadline: undefined },
    })
  })

  it('reads every key', () => {
    const text = `
job: p
hosts: /etc/nodes.yml
root: /data/fleet
release: { files: [build/main, conf/], keep: 2, check: [./healthy, ''], check_timeout: 5s, runtime: node }
worker: { kind: native, command: [./m, "{slot}"], slots: 67, env: { A: "1" }, secrets: [S3_KEY], grace: 1m30s, timeout: 2h, keeper: none }
dispatcher: { at: control, listen: "[::1]:0", url: "https://10.0.0.5:7070", ledger: l.db, lease: 10s, failures: 1, crashes: 2, backoff: [0, 1d] }
ssh: { parallel: 1, per_endpoint: 2, retries: 0, timeouts: { dns: 1s, connect: 2s, banner: 3s, key_exchange: 4s, authentication: 5s, channel: 6s, idle: 1h } }
window: { deadline: 2026-12-22T00:00:00Z }
`
    const config = loadConfig(scratchFile('fleet.yml', text), { parallel: 7 })
    expect(config).toMatchObject({
      hosts: '/etc/nodes.yml',
      root: '/data/fleet',
      release: {
        files: ['build/main', 'conf/'],
        keep: 2,
        check: ['./healthy', ''],
        checkTimeoutMs: 5000,
        runtime: 'node',
      },
    })
    expect(config.worker).toMatchObject({
      kind: 'native',
      graceMs: 90_000,
      timeoutMs: 7_200_000,
      secrets: ['S3_KEY'],
      keeper: 'none',
    })
    expect(config.dispatcher).toMatchObject({
      listen: { address: '::1', port: 0 },
      url: 'https://10.0.0.5:7070',
      backoffMs: [0, 86_400_000],
    })
    expect(config.ssh).toEqual({
      parallel: 7,
      perEndpoint: 2,
      retries: 0,
      timeouts: {
        ...TIMEOUTS,
        dnsMs: 1000,
        connectMs: 2000,
        bannerMs: 3000,
        keyExchangeMs: 4000,
        authenticationMs: 5000,
        channelMs: 6000,
        idleMs: 60_000 * 60,
      },
    })
    expect(config.window.deadline).toBe('2026-12-22T00:00:00Z')
  })

  it('returns values that cannot be changed', () => {
    const config = loadConfig(scratchFile('fleet.yml', MINIMAL))
    for (const part of [
      config,
      config.worker,
      config.worker.command,
      config.worker.env,
      config.dispatcher.backoffMs,
      config.release.files,
    ]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it.each([
    ['', ['1:1: expected a mapping, found nothing (null)']],
    ['[]', ['1:1: expected a mapping, found [] (list)']],
    [
      'job: Photos\nworker: { command: [x] }',
      [
        '1:6: expected a job name: a to z, 0 to 9 and "-", at most 32, starting with a letter or digit, found "Photos" (string)',
      ],
    ],
    [
      'job: a\nworker:\n  comand: [x]',
      [
        '2:1: expected "command" with a list of arguments such as [./main, --user, "{id}"], found nothing',
        '3:3: expected one of kind, command, slots, env, secrets, grace, timeout, keeper, found the unknown key "comand"; did you mean "command"?',
      ],
    ],
    [
      `${MINIMAL}zzzzzz: 1`,
      [
        '3:1: expected one of job, hosts, root, release, worker, dispatcher, ssh, window, found the unknown key "zzzzzz"',
      ],
    ],
    [
      `${MINIMAL}release: { check: ./healthy }`,
      ['3:19: expected a list of arguments such as [./healthy, --quick], found "./healthy" (string)'],
    ],
    [`${MINIMAL}release: { check: [] }`, ['3:19: expected a list of at least one argument, found [] (list)']],
    [
      `${MINIMAL}release: { check: [-x] }`,
      ['3:19: expected a list whose first item names a program, found ["-x"] (list)'],
    ],
    [
      `${MINIMAL}release: { check_timeout: 0 }`,
      ['3:27: expected a duration such as 30s, 5m or 1h30m, from 1s to 1h, found 0 (number)'],
    ],
    [`${MINIMAL}release: { runtime: python }`, ['3:21: expected node, found "python" (string)']],
    ['job: a\nworker: { command: [] }', ['2:20: expected a list of at least one argument, found [] (list)']],
    ['job: a\nworker: { command: [x, 7] }', ['2:24: expected text; put numbers in quotes, found 7 (number)']],
    [
      'job: a\nworker: { command: x }',
      ['2:20: expected a list of arguments such as [./main, --user, "{id}"], found "x" (string)'],
    ],
    [
      'job: a\nworker: { command: [x], slots: 1.5 }',
      ['2:32: expected a whole number from 1 to 9999, found 1.5 (number)'],
    ],
    [
      'job: a\nworker: { command: [x], slots: .inf }',
      ['2:32: expected a whole number from 1 to 9999, found Infinity (number)'],
    ],
    [
      'job: a\nworker: { command: [x], grace: 30 }',
      ['2:32: expected a duration such as 30s, 5m or 1h30m, from 0 to 1h, found 30 (number)'],
    ],
    [
      'job: a\nworker: { command: [x], grace: 2h }',
      ['2:32: expected a duration such as 30s, 5m or 1h30m, from 0 to 1h, found "2h" (string)'],
    ],
    [
      'job: a\nworker: { command: [x], env: { FLEET_ID: "x" } }',
      ['2:32: expected a variable name such as LOG_LEVEL, not starting with FLEET_, found the key "FLEET_ID"'],
    ],
    [
      'job: a\nworker: { command: [x], env: { A: no, B: false } }',
      ['2:42: expected text; put numbers and booleans in quotes, found false (boolean)'],
    ],
    [
      'job: a\nworker: { command: [x], env: { A: "1" }, secrets: [A] }',
      ['2:51: expected names that are not in worker.env as well, found ["A"] (list)'],
    ],
    [
      `${MINIMAL}root: ~/a/../b`,
      ['3:7: expected an absolute path, or one starting with ~/, without "..", found "~/a/../b" (string)'],
    ],
    [
      `${MINIMAL}root: ~`,
      ['3:7: expected an absolute path, or one starting with ~/, without "..", found nothing (null)'],
    ],
    [
      `${MINIMAL}dispatcher: { lease: 0 }`,
      ['3:22: expected a duration such as 30s, 5m or 1h30m, from 1s to 7d, found 0 (number)'],
    ],
    [
      `${MINIMAL}dispatcher: { listen: "1.2.3:99" }`,
      ['3:23: expected ADDRESS:PORT such as 0.0.0.0:7070 or [::1]:7070, found "1.2.3:99" (string)'],
    ],
    [
      `${MINIMAL}dispatcher: { listen: "x:65536" }`,
      ['3:23: expected ADDRESS:PORT such as 0.0.0.0:7070 or [::1]:7070, found "x:65536" (string)'],
    ],
    [
      `${MINIMAL}dispatcher: { backoff: [1h, 10s] }`,
      ['3:24: expected two durations [FIRST, LONGEST] with FIRST at most LONGEST, found ["1h","10s"] (list)'],
    ],
    [
      `${MINIMAL}dispatcher: { url: "ftp://x" }`,
      ['3:20: expected a URL such as https://10.0.0.5:7070, found "ftp://x" (string)'],
    ],
    [
      `${MINIMAL}window: { deadline: tomorrow }`,
      ['3:21: expected an instant with a time zone such as 2026-12-22T00:00:00Z, found "tomorrow" (string)'],
    ],
    [
      `${MINIMAL}release: { files: [a, a] }`,
      ['3:19: expected a list of paths, none of them twice, found ["a","a"] (list)'],
    ],
    [
      'job: a\nworker: { command: [x], kind: copy }\ndispatcher: { at: node1, ledger: "postgres://db/x" }',
      [
        '2:31: expected exec or native (the copy worker is not available in this version), found "copy" (string)',
        '3:19: expected control (a dispatcher on a node is not available in this version), found "node1" (string)',
        '3:34: expected the path of a SQLite file (PostgreSQL is not available in this version), found "postgres://db/x" (string)',
      ],
    ],
    [
      'job: a\njob: b\nworker: { command: [x], slot: 3 }',
      [
        '2:1: expected each key once, found "job" again (first at 1:1)',
        '3:25: expected one of kind, command, slots, env, secrets, grace, timeout, keeper, found the unknown key "slot"; did you mean "slots"?',
      ],
    ],
    [`${MINIMAL}__proto__: { polluted: 1 }`, ['3:1: expected another key, found "__proto__", which is not allowed']],
    [
      `${MINIMAL}ssh: { constructor: 1 }`,
      ['3:8: expected one of parallel, per_endpoint, retries, timeouts, found the unknown key "constructor"'],
    ],
    [`${MINIMAL}? [a, b]\n: 1`, expect.arrayContaining(['3:3: expected a plain text as key, found something else'])],
    ['job: "a', ['1:8: expected valid YAML, found a mistake: Missing closing "quote']],
    ['job: !secret a', ['1:6: expected valid YAML, found a mistake: Unresolved tag: !secret']],
    ['job: *nowhere', ['1:6: expected an alias of an earlier anchor, found "*nowhere"']],
  ])('refuses %j with place, expectation and what was found', (text, lines) => {
    expect(refusal(text)).toEqual(lines)
  })

  it('names the missing file and the command that writes one', () => {
    const error = thrownBy(() => loadConfig('/nowhere/fleet.yml'))
    expect(error).toMatchObject({ code: 'FLEET_CONFIG_NOT_FOUND', remedy: 'fleet init' })
    expect(error.message).toBe('expected the configuration of a job at /nowhere/fleet.yml, found no such file')
  })

  it('refuses a folder and bytes that are not UTF-8', () => {
    expect(thrownBy(() => loadConfig(scratchFolder())).code).toBe('FLEET_CONFIG_UNREADABLE')
    const file = scratchFile('fleet.yml', Uint8Array.of(0x6a, 0xff))
    expect(thrownBy(() => loadConfig(file)).message).toBe(`${file}:1:1: expected UTF-8 text, found other bytes`)
  })

  it('refuses an alias bomb and absurd depth instead of eating memory', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let level = 1; level < 9; level += 1) bomb.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(9)}]`)
    expect(refusal(bomb.join('\n'))).toEqual([expect.stringContaining('1:1: expected at most 100 uses of aliases')])
    expect(refusal('['.repeat(50_000)).length).toBeLessThanOrEqual(101)
    expect(refusal(`job: ${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}`)[0]).toContain('expected')
    expect(refusal('[[], {}, &a [*a]]')[0]).toContain('expected')
  })

  it('says where an aliased value was wrong', () => {
    const lines = refusal('job: a\nworker: &w { command: [x], slots: 0 }\nssh: *w')
    expect(lines).toContain('2:35: expected a whole number from 1 to 9999, found 0 (number)')
  })

  it('is written from templates that load, and whose comments show the real defaults', () => {
    const folder = scratchFolder()
    mkdirSync(join(folder, 'bare'))
    const template = fleetYmlTemplate(parseJobName('photos'))
    writeFileSync(join(folder, 'fleet.yml'), template)
    writeFileSync(join(folder, 'inventory.yml'), inventoryYmlTemplate())
    const config = loadConfig(join(folder, 'fleet.yml'))
    expect(loadInventory({ file: config.hosts }).nodes.map(({ node, slots }) => [node, slots])).toEqual([
      ['node01.example.net', 2],
      ['node02.example.net', 2],
      ['node03.example.net', 1],
    ])

    const isExample = (line: string): boolean => /url:|window:|check:/.test(line)
    const lines = template.split('\n').slice(3)
    const spelledOut = lines.map((line) => (isExample(line) ? line : line.replace(/^( *)# /, '$1')))
    writeFileSync(join(folder, 'fleet.yml'), spelledOut.join('\n'))
    expect(loadConfig(join(folder, 'fleet.yml'))).toEqual(config)
  })
})
