// Our reading of ssh_config against OpenSSH's own (`ssh -G`), on random files.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lookUp } from '../../src/config/ssh-config/look-up.ts'
import { readSshConfig } from '../../src/config/ssh-config/read-files.ts'
import { openSshConfig } from '../../src/config/ssh-config/ssh-config.ts'
import { isMissing } from '../support/requires-program.ts'
import { scratchFolder } from './scratch-folder.ts'

// OpenSSH takes the home of the password database, not $HOME.
const { homedir: home, username: user } = userInfo()
const operator = { user, home, identities: [], agent: '/run/usual-agent' }

const hostName = fc.constantFrom('web1', 'web2', 'db', 'DB', 'Web1', 'web1.example.net', '10.0.0.7', '::1')
const pattern = fc.constantFrom(
  '*',
  'web*',
  'web?',
  '*.example.net',
  'db',
  'DB',
  '10.0.0.*',
  '?b',
  '*e*',
  'web1',
  'd**b',
  '*:*',
)
const negatable = fc.tuple(fc.boolean(), pattern).map(([isNegated, text]) => `${isNegated ? '!' : ''}${text}`)
const separator = fc.constantFrom(' ', '  ', '\t', '=', ' = ')
const indent = fc.constantFrom('', '  ', '\t')

const word = (text: string): fc.Arbitrary<string> => fc.constantFrom(text, `"${text}"`, `'${text}'`)
const keyword = (text: string): fc.Arbitrary<string> => fc.constantFrom(text, text.toLowerCase(), text.toUpperCase())

/** `isRaw`: OpenSSH takes the rest of the line as it stands, with quotes and comments. */
const pair = (name: string, values: readonly string[], isRaw = false): fc.Arbitrary<string> =>
  fc
    .tuple(
      indent,
      keyword(name),
      separator,
      fc.constantFrom(...values).chain((value) => (isRaw || /^\/k|kh/.test(value) ? fc.constant(value) : word(value))),
      isRaw ? fc.constantFrom('', ' ') : fc.constantFrom('', ' # c', ' '),
    )
    .map((parts) => parts.join(''))

const setting = fc.oneof(
  pair('HostName', ['real.example.org', '%h.example.net', 'WEB2', '10.1.2.3']),
  pair('User', ['alice', 'bob', 'carol']),
  pair('Port', ['22', '2222', '65535', '022']),
  pair('IdentityFile', ['~/.ssh/id_a', '/keys/b', '~/.ssh/%r@%h', 'none', '/keys/b']),
  pair('IdentitiesOnly', ['yes', 'no', 'TRUE', 'false']),
  pair('IdentityAgent', ['none', 'SSH_AUTH_SOCK', '/run/%u-%i.sock', '~/%n.%h.%p.%r.sock', '${HOME}/a', '/%L/%l/%%']),
  pair('ProxyJump', ['none', 'bastion', 'me@bastion:2200', 'a,b@c,[::2]:22', 'ssh://z@b:7', 'NONE'], true),
  pair('ProxyCommand', ['none', 'nc %h %p'], true),
  pair('UserKnownHostsFile', ['/k/a', '~/.ssh/kh_%h', '/k/a /k/b', 'none', '/k/%k-%n', '${HOME}/kh %d/kh']),
  pair('StrictHostKeyChecking', ['yes', 'no', 'ask', 'accept-new', 'off', 'Accept-New']),
  pair('HostKeyAlias', ['alias1', 'ALIAS2']),
  pair('ConnectTimeout', ['5', '1m30', '2h', 'none', '10S', '0']),
  pair('ForwardAgent', ['yes', 'no']),
  fc.constantFrom('', '# comment "with a quote', '   # more', '\t'),
)

const criterion = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('host', 'Host', 'originalhost', '!host', '!originalhost'),
      fc.array(negatable, { minLength: 1, maxLength: 3 }),
    )
    .map(([name, list]) => `${name} ${list.join(',')}`),
  fc
    .tuple(fc.constantFrom('user', '!user'), fc.constantFrom('alice', 'b*,!bob', '*', 'bob,carol'))
    .map(([name, list]) => `${name}=${list}`),
  fc.constantFrom(`localuser ${user}`, 'localuser nobody*', '!localuser "x"'),
  fc.constantFrom('final', '!final', 'canonical'),
)

const head = fc.oneof(
  fc.array(negatable, { minLength: 1, maxLength: 3 }).map((patterns) => `Host ${patterns.join(' ')}`),
  fc.array(criterion, { minLength: 1, maxLength: 3 }).map((criteria) => `Match ${criteria.join(' ')}`),
  fc.constantFrom('Match all', 'Match final all', 'Match !all', 'Match canonical all', 'host="web1" db'),
)

const includes = [
  'Include INC/part1',
  'Include INC/part[12]',
  'Include INC/*',
  'Include INC/absent INC/part2',
  'Include "INC/part1"',
]
const linesWith = (extra: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { arbitrary: setting, weight: 6 },
        { arbitrary: head, weight: 2 },
        ...(extra.length === 0 ? [] : [{ arbitrary: fc.constantFrom(...extra), weight: 1 }]),
      ),
      { maxLength: 14 },
    )
    .map((all) => `${all.join('\n')}\n`)

describe.skipIf(isMissing('ssh', 'ssh_config against ssh -G'))('ssh_config', () => {
  it('means what ssh -G says that it means', { timeout: 180_000 }, () => {
    const folder = scratchFolder()
    mkdirSync(join(folder, 'inc'))
    const main = join(folder, 'config')
    const parts = [join(folder, 'inc', 'part1'), join(folder, 'inc', 'part2')] as const
    const login = fc.option(fc.constantFrom('bob', 'root'), { nil: undefined })
    fc.assert(
      fc.property(
        linesWith(includes),
        linesWith(['Include INC/part2']),
        linesWith([]),
        hostName,
        login,
        (...random) => {
          const [first, part1, part2, name, givenUser] = random
          const texts = new Map([
            [main, first],
            [parts[0], part1],
            [parts[1], part2],
          ])
          for (const [file, text] of texts)
            writeFileSync(file, text.replaceAll('INC', join(folder, 'inc')), { mode: 0o644 })
          const told = [...texts].map(([file, text]) => `--- ${file}\n${text}`).join('')
          expect(readByUs(main, name, givenUser), told).toEqual(readBySsh(main, name, givenUser))
        },
      ),
      { numRuns: 250 },
    )
  })
})

const REFUSED = { isRefused: true }

function readBySsh(file: string, name: string, login: string | undefined): object {
  const options = login === undefined ? [] : ['-l', login]
  const { status, stdout, stderr } = spawnSync('ssh', ['-G', '-F', file, ...options, name], {
    encoding: 'utf8',
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (status !== 0) {
    expect(stderr).not.toBe('')
    return REFUSED
  }
  const values = Map.groupBy(
    stdout.split('\n').map((line) => /^(\S+) (.*)$/.exec(line) ?? []),
    ([, keyword]) => keyword,
  )
  const all = (keyword: string): readonly string[] => (values.get(keyword) ?? []).map(([, , value = '']) => value)
  const one = (keyword: string): string => all(keyword)[0] ?? ''
  const seconds = one('connecttimeout')
  const agent = one('identityagent')
  return {
    hostName: one('hostname'),
    user: one('user'),
    port: Number(one('port')),
    identities: all('identityfile').filter((key) => !USUAL_KEY.test(key)),
    isOnly: one('identitiesonly') === 'yes',
    agent: agent === '' ? 'usual' : agent === 'SSH_AUTH_SOCK' ? operator.agent : agent,
    jumps: one('proxyjump'),
    command: one('proxycommand'),
    knownHosts: one('userknownhostsfile'),
    acceptNew: ['accept-new', 'false', 'off', 'no'].includes(one('stricthostkeychecking')),
    alias: one('hostkeyalias'),
    timeoutMs: /^[1-9]/.test(seconds) ? Math.min(Number(seconds), 3600) * 1000 : undefined,
  }
}

const USUAL_KEY = /^~\/\.ssh\/id_(?:rsa|dsa|xmss|ecdsa(?:_sk)?|ed25519(?:_sk)?)$/

function readByUs(main: string, name: string, login: string | undefined): object {
  const files = [{ file: main, whose: 'user' }] as const
  const answers = openSshConfig(files, operator).lookUp(name, { user: login, port: undefined })
  if (answers.refusal !== undefined) return REFUSED
  // ssh -G prints key files as they were written.
  const written = lookUp(readSshConfig(files, operator, String), name, { user: login, localUser: user }).settings
  const usual = [`${home}/.ssh/known_hosts`, `${home}/.ssh/known_hosts2`]
  const knownHosts = (answers.userKnownHosts?.value ?? usual).join(' ')
  return {
    hostName: answers.hostName?.value ?? name.toLowerCase(),
    user: login ?? answers.user?.value ?? user,
    port: answers.port?.value ?? 22,
    identities: (written.get('identityfile') ?? []).map(({ args }) => args[0]),
    isOnly: answers.identitiesOnly?.value ?? false,
    agent: answers.agent === undefined ? 'usual' : (answers.agent.value ?? 'none'),
    jumps: (answers.jumps?.value ?? []).join(','),
    command: answers.proxyCommand?.value ?? '',
    knownHosts: knownHosts === '' ? 'none' : knownHosts,
    acceptNew: answers.acceptNew?.value ?? false,
    alias: answers.hostKeyAlias?.value ?? '',
    timeoutMs: answers.connectTimeoutMs?.value,
  }
}
