import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FleetError } from '../../src/core/index.ts'
import type { SshConfigFile } from '../../src/config/ssh-config/read-files.ts'
import {
  namedSshConfig,
  openSshConfig,
  usualSshConfig,
  type SshConfigBook,
} from '../../src/config/ssh-config/ssh-config.ts'
import { scratchFolder, thrownBy } from './scratch-folder.ts'

/** A home with these files in its .ssh; `config` is the one that is read. */
function homeWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const home = scratchFolder()
  mkdirSync(join(home, '.ssh'), { mode: 0o700 })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, '.ssh', name)), { recursive: true })
    writeFileSync(join(home, '.ssh', name), text, { mode: 0o600 })
  }
  return home
}

function open(home: string, files?: readonly SshConfigFile[]): SshConfigBook {
  const operator = { user: 'me', home, identities: [], agent: undefined }
  return openSshConfig(files ?? usualSshConfig(operator).slice(0, 1), operator)
}

function portOf(book: SshConfigBook, name = 'a'): number | undefined {
  return book.lookUp(name, { user: undefined, port: undefined }).port?.value
}

function refusal(files: Readonly<Record<string, string | Uint8Array>>): FleetError {
  return thrownBy(() => open(homeWith(files)))
}

describe('files of ssh_config', () => {
  it('may be missing, unless one was named', () => {
    expect(portOf(open(scratchFolder()))).toBeUndefined()
    const error = thrownBy(() => open(scratchFolder(), namedSshConfig('/nowhere/config')))
    expect(error).toMatchObject({ code: 'FLEET_CONFIG_NOT_FOUND' })
    expect(namedSshConfig('none')).toEqual([])
  })

  it('are read in order, and the first value wins', () => {
    const home = homeWith({ config: 'Host b\n Port 1\n', system: 'Port 2\n' })
    const book = open(home, [
      { file: join(home, '.ssh/config'), whose: 'user' },
      { file: join(home, '.ssh/system'), whose: 'system' },
    ])
    expect([portOf(book, 'a'), portOf(book, 'b')]).toEqual([2, 1])
  })

  it.each([0o620, 0o602, 0o666])('are refused with mode %o, as OpenSSH refuses them', (mode) => {
    const home = homeWith({ config: 'Port 1\n' })
    chmodSync(join(home, '.ssh/config'), mode)
    const error = thrownBy(() => open(home))
    expect(error).toMatchObject({ code: 'FLEET_CONFIG_SSH_PERMISSIONS' })
    expect(error.message).toContain(
      `~/.ssh/config to belong to you or root and to be writable by nobody else, found mode 0${mode.toString(8)}`,
    )
  })

  it('may have any mode when named on the command line, but not the files that they include', () => {
    const home = homeWith({ named: 'Include more\n', more: 'Port 1\n' })
    const named = namedSshConfig(join(home, '.ssh/named'))
    chmodSync(join(home, '.ssh/named'), 0o666)
    expect(portOf(open(home, named))).toBe(1)
    chmodSync(join(home, '.ssh/more'), 0o666)
    expect(thrownBy(() => open(home, named)).code).toBe('FLEET_CONFIG_SSH_PERMISSIONS')
  })

  it('that cannot be read are an error', () => {
    const home = homeWith({})
    symlinkSync('config', join(home, '.ssh/config'))
    expect(thrownBy(() => open(home))).toMatchObject({ code: 'FLEET_CONFIG_UNREADABLE' })
  })

  it('are read once, whatever happens to them afterwards', () => {
    const home = homeWith({ config: 'Port 1\n' })
    const book = open(home)
    rmSync(join(home, '.ssh'), { recursive: true })
    expect(portOf(book)).toBe(1)
  })

  it('tell everything that is wrong in one error, in inactive blocks too', () => {
    const text = [
      'Port 0',
      'Host nobody',
      '  Hostnmae x',
      '  User "x',
      '  IdentitiesOnly maybe',
      'ConnectTimeout soon',
      'Match host',
      'Match all host x',
      'Match wether rain',
      'Host ""',
      'ProxyJump a,,b',
      'UserKnownHostsFile none /k',
      'Port 1 2',
      'User',
      'StrictHostKeyChecking sometimes',
      'IdentityAgent $1',
      'Include ~other/x',
    ].join('\n')
    expect(refusal({ config: text }).message.split('\n')).toEqual([
      '~/.ssh/config:1:1: expected a port from 1 to 65535, found "0" (port)',
      '~/.ssh/config:3:3: expected a keyword of ssh_config(5), found "hostnmae"; did you mean hostname?',
      '~/.ssh/config:4:3: expected quotes in pairs, found one without its end',
      '~/.ssh/config:5:3: expected yes, no, true, false, found "maybe" (identitiesonly)',
      '~/.ssh/config:6:1: expected a duration such as 10 or 1m30s, or none, found "soon" (connecttimeout)',
      '~/.ssh/config:7:1: expected a value after "host", found nothing',
      '~/.ssh/config:8:1: expected "all" alone, found it among other criteria',
      '~/.ssh/config:9:1: expected host, originalhost, user, localuser, final or all, found "wether"',
      '~/.ssh/config:10:1: expected patterns, found an empty one',
      '~/.ssh/config:11:1: expected none or hops [user@]host[:port] with commas between them, found "a,,b" (proxyjump)',
      '~/.ssh/config:12:1: expected "none" alone, found it among others (userknownhostsfile)',
      '~/.ssh/config:13:1: expected one value, found 2 (port)',
      '~/.ssh/config:14:1: expected a value after "user", found nothing',
      '~/.ssh/config:15:1: expected yes, no, true, false, ask, off, accept-new, found "sometimes" (stricthostkeychecking)',
      '~/.ssh/config:16:1: expected the name of a variable after "$", found "$1" (identityagent)',
      '~/.ssh/config:17:1: expected a path, absolute, relative to ~/.ssh, or with ~/, found "~other/x"',
    ])
  })

  it('may hold unknown keywords that IgnoreUnknown names, and old, foreign and harmless ones', () => {
    const text = 'IgnoreUnknown Foo*,bar\nFooBar x\nBAR y z\nUseKeychain yes\nProtocol 2\nSendEnv LANG LC_*\nPort 4\n'
    expect(portOf(open(homeWith({ config: text })))).toBe(4)
  })

  it('may be in any encoding where nothing depends on it', () => {
    const comment = Buffer.concat([Buffer.from('# caf'), Buffer.from([0xe9]), Buffer.from('\nPort 5\r\n')])
    expect(portOf(open(homeWith({ config: comment })))).toBe(5)
    const value = Buffer.concat([Buffer.from('IdentityFile /caf'), Buffer.from([0xe9]), Buffer.from('\n')])
    expect(refusal({ config: value }).message).toContain('expected UTF-8 text without NUL')
    expect(refusal({ config: 'User a\0b\n' }).message).toContain('expected UTF-8 text without NUL')
  })
})

describe('Include', () => {
  it('takes globs in the order of names, relative to ~/.ssh, without hidden files and folders', () => {
    const home = homeWith({
      config: 'Include conf.d/*\nPort 9\n',
      'conf.d/20-b': 'Port 2\n',
      'conf.d/10-a': 'Host a\n Port 1\n',
      'conf.d/.hidden': 'Port 7\n',
      'conf.d/folder/x': 'Port 8\n',
    })
    expect([portOf(open(home), 'a'), portOf(open(home), 'b')]).toEqual([1, 2])
  })

  it.each([
    ['part[12]', 1],
    ['part[!1]', 2],
    ['part[2-9]', 2],
    ['p*t?', 1],
    ['*/../part2', 2],
    ['absent', undefined],
    ['absent/*', undefined],
    ['part{1,2}', undefined],
  ])('of %s', (path, port) => {
    const home = homeWith({ config: `Include ${path}\n`, part1: 'Port 1\n', part2: 'Port 2\n', 'folder/x': '' })
    expect(portOf(open(home))).toBe(port)
  })

  it('says nothing inside a block that does not apply, and does not end the block', () => {
    const home = homeWith({ config: 'Host b\n Include more\n Port 3\n', more: 'Host *\n User x\nHost z\n' })
    const lookUp = (name: string): unknown[] => {
      const { user, port } = open(home).lookUp(name, { user: undefined, port: undefined })
      return [user?.value, port?.value]
    }
    expect([lookUp('a'), lookUp('b')]).toEqual([
      [undefined, undefined],
      ['x', 3],
    ])
  })

  it('that runs in a circle is named with its files', () => {
    expect(refusal({ config: 'Include one\n', one: '\nInclude two\n', two: 'Include one\n' }).message).toBe(
      '~/.ssh/two:1:1: expected files that end, found a circle: ~/.ssh/one includes ~/.ssh/two includes ~/.ssh/one',
    )
  })

  it('goes 16 deep and no deeper', () => {
    const chain = (length: number): Readonly<Record<string, string>> =>
      Object.fromEntries(
        Array.from({ length: length + 1 }, (_, index) => [
          index === 0 ? 'config' : `f${index}`,
          index === length ? 'Port 6\n' : `Include f${index + 1}\n`,
        ]),
      )
    expect(portOf(open(homeWith(chain(16))))).toBe(6)
    expect(refusal(chain(17)).message).toContain('at most 16 deep')
  })

  it('does not grow without end when every file includes the next one many times', () => {
    const files = Object.fromEntries(
      Array.from({ length: 15 }, (_, index) => [
        index === 0 ? 'config' : `f${index}`,
        `Include f${index + 1}\n`.repeat(8),
      ]),
    )
    expect(refusal(files).message).toContain('at most 10000 included files')
  })

  it('of a system-wide file starts in /etc/ssh and knows no home', () => {
    const home = homeWith({ config: 'Include ~/x\n' })
    const error = thrownBy(() => open(home, [{ file: join(home, '.ssh/config'), whose: 'system' }]))
    expect(error.message).toContain('expected a path without "~"')
  })
})

describe('patterns', () => {
  it('cannot be made slow', () => {
    const name = 'a'.repeat(250)
    const book = open(
      homeWith({ config: `Host ${'a*'.repeat(2000)}b\n Port 1\nMatch host ${'*a'.repeat(2000)}b\n Port 1\n` }),
    )
    const start = performance.now()
    expect(portOf(book, name)).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(2000)
  })
})
