// What a node says of itself, asked under every sh that it may have, and read back.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { factsCommand, parseFacts, parseProbe, probeCommand, type NodeFacts } from '../../src/node/index.ts'
import { freePort } from '../support/free-port.ts'
import { findProgram } from '../support/requires-program.ts'
import { shellsHere } from './shells.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet facts '))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** As the line for a node runs it, without the encoding, which has tests of its own. */
function ask(sh: string, base: string, tools: readonly string[] = []): NodeFacts {
  const { script } = factsCommand(base, tools)
  const ran = spawnSync(sh, ['-c', `set -u; umask 077; base=$1; shift\n${script}`, 'sh', base, ...tools], {
    encoding: 'utf8',
    env: { HOME: folder, PATH: process.env['PATH'], SSH_CONNECTION: '10.0.0.5 1234 10.0.0.7 22' },
  })
  expect(ran.stderr).toBe('')
  expect(ran.status).toBe(0)
  return parseFacts(ran.stdout)
}

describe.each(shellsHere())('a node whose sh is $name', ({ path }) => {
  it('tells what it is, who we are there and when it is', () => {
    const beforeMs = Date.now()
    const facts = ask(path, join(folder, 'not', 'yet'), ['sh', 'no-such-tool'])
    const afterMs = Date.now()
    expect(facts).toMatchObject({
      user: userInfo().username,
      uid: userInfo().uid,
      home: folder,
      controlAddress: '10.0.0.5',
      missingTools: ['no-such-tool'],
      place: folder,
      placeState: 'good',
    })
    expect(facts.kernel).toMatch(/^Linux \d/)
    expect(facts.arch).not.toBe('')
    expect(facts.filesystem).toMatch(/^[a-z]/)
    expect(facts.cores).toBeGreaterThan(0)
    expect(facts.memoryBytes).toBeGreaterThan(1 << 20)
    expect(facts.disk?.freeBytes).toBeGreaterThan(0)
    expect(facts.openFiles?.soft).toBeGreaterThan(0)
    expect(facts.processes?.soft).toBeGreaterThan(0)
    expect(facts.clock?.beganMs).toBeGreaterThan(beforeMs - 1001)
    expect(facts.clock?.endedMs).toBeLessThan(afterMs + 1001)
  })

  it('leaves nothing behind in the folder where it looked', () => {
    const place = join(folder, 'clean')
    mkdirSync(place, { recursive: true })
    expect(ask(path, place)).toMatchObject({ place, placeState: 'good' })
    expect(readdirSync(place)).toEqual([])
  })

  it('refuses a root that is neither absolute nor in the home', () => {
    expect(ask(path, 'srv/fleet')).toMatchObject({ placeState: 'relative' })
  })

  it('says that a file lies where the folder should be', () => {
    const file = join(folder, 'a file')
    writeFileSync(file, '')
    expect(ask(path, join(file, 'photos'))).toMatchObject({ place: file, placeState: 'denied' })
  })

  it.skipIf(userInfo().uid === 0)('says that it may not write there', () => {
    const place = join(folder, 'closed')
    mkdirSync(place, { recursive: true })
    chmodSync(place, 0o500)
    expect(ask(path, place)).toMatchObject({ place, placeState: 'denied', placeSaid: /denied/ })
  })

  it('ends when a program that it asks never does', () => {
    const tools = mkdtempSync(join(folder, 'slow-'))
    const sleeper = join(tools, 'id')
    writeFileSync(sleeper, '#!/bin/sh\n[ "$1" = -u ] && echo 1500 && exit\nexec sleep 300\n', { mode: 0o755 })
    const { script } = factsCommand(folder, [])
    const ran = spawnSync(
      path,
      [
        '-c',
        `base=$1; shift\n${script.replaceAll('limited 5', 'limited 1').replace('PATH=', `PATH=${quoted(tools)}:`)}`,
        'sh',
        folder,
      ],
      {
        encoding: 'utf8',
        timeout: 25_000,
      },
    )
    expect(parseFacts(ran.stdout)).toMatchObject({ user: '1500', placeState: 'good' })
  })
})

function quoted(text: string): string {
  return `'${text}'`
}

describe('the script', () => {
  const shellcheck = findProgram('shellcheck', 'shellcheck of the script of fleet check')
  it.skipIf(shellcheck === undefined)('is clean to shellcheck', () => {
    const input = `#!/bin/sh\nbase=$1\n${factsCommand('/x', []).script}`
    const { stdout } = spawnSync(shellcheck ?? '', ['--exclude=SC1091', '-'], { input, encoding: 'utf8' })
    expect(stdout).toBe('')
  })
})

describe('reading facts', () => {
  const whole = 'fleet-facts 1\nplace_state\tgood\nfleet-facts-end\n'

  it('takes what is not there as unknown', () => {
    expect(parseFacts(whole)).toMatchObject({
      os: '',
      cores: undefined,
      disk: undefined,
      linger: undefined,
      cronRuns: undefined,
      clock: undefined,
      missingTools: [],
      sshd: {},
    })
  })

  it.each([
    '',
    'fleet-facts 1\nplace_state\tgood\n',
    'fleet-facts 1\nplace_state\tother\nfleet-facts-end\n',
    'x\n' + whole,
  ])('refuses %j', (text) => {
    expect(() => parseFacts(text)).toThrow(expect.objectContaining({ code: 'FLEET_NODE_BAD_FACTS' }))
  })

  it('lets nothing through that a terminal would obey', () => {
    const facts = parseFacts(whole.replace('place_state', 'os\tDeb\u001b[31mian\u0007\u009b\nplace_state'))
    expect(facts.os).toBe('Debian')
  })

  it('knows unlimited limits, and a date without fractions of a second', () => {
    const facts = parseFacts(
      whole.replace('place_state', 'open_files\t1024 unlimited\nbegan\t100 %N\nended\t101 %N\nplace_state'),
    )
    expect(facts.openFiles).toEqual({ soft: 1024, hard: Infinity })
    expect(facts.clock).toEqual({ beganMs: 100_500, endedMs: 101_500, stepMs: 1000 })
  })
})

describe.skipIf(findProgram('curl', 'probing a URL from a node') === undefined)('the probe of a URL', () => {
  const probe = (url: string): ReturnType<typeof parseProbe> => {
    const { script } = probeCommand(folder, url)
    return parseProbe(
      spawnSync('sh', ['-c', `base=$1; shift\n${script}`, 'sh', folder, url], { encoding: 'utf8' }).stdout,
    )
  }

  it('tells an answer from a closed port and from a name that nobody knows', async () => {
    expect(probe(`http://127.0.0.1:${await freePort()}`)).toEqual({ kind: 'refused' })
    expect(probe('http://no-such-name.invalid:1')).toEqual({ kind: 'unresolved' })
  })

  it('gives the status of what answers', () => {
    expect(parseProbe('noise\nprobe\t0\t200\n')).toEqual({ kind: 'answers', status: 200 })
    expect(parseProbe('\nprobe\t127\t\n')).toEqual({ kind: 'untried' })
    expect(parseProbe('\nprobe\t28\t000\n')).toEqual({ kind: 'silent' })
    expect(parseProbe('\nprobe\t52\t000\n')).toEqual({ kind: 'odd' })
    expect(parseProbe('')).toEqual({ kind: 'untried' })
  })
})
