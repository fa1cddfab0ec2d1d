// From what a node said to what is wrong with it: every rule on both of its sides.
import { describe, expect, it } from 'vitest'
import { clockOffset } from '../../src/fleet/check/clock-offset.ts'
import { parseDigest } from '../../src/core/index.ts'
import type { Finding, Observation, Wants } from '../../src/fleet/check/finding.ts'
import { findingsOf } from '../../src/fleet/check/findings.ts'
import type { HashedTree } from '../../src/fleet/check/hashed-trees.ts'
import type { NodeFacts } from '../../src/node/index.ts'

const GIB = 1024 ** 3

const facts: NodeFacts = {
  os: 'Debian GNU/Linux 12 (bookworm)',
  kernel: 'Linux 6.1.0',
  arch: 'x86_64',
  libc: 'glibc 2.36',
  cores: 8,
  memoryBytes: 16 * GIB,
  user: 'deploy',
  uid: 1500,
  home: '/home/deploy',
  shell: '/bin/bash',
  controlAddress: '10.0.0.5',
  missingTools: [],
  place: '/home/deploy',
  placeState: 'good',
  placeSaid: '',
  disk: { freeBytes: 100 * GIB, freeInodes: 1e6, inodes: 2e6 },
  filesystem: 'ext4',
  mountOptions: 'rw,relatime',
  openFiles: { soft: 1024, hard: 1048576 },
  processes: { soft: 30_000, hard: 30_000 },
  cronRuns: true,
  crontab: 'usable',
  linger: false,
  killsUserProcesses: false,
  sshd: { maxsessions: '10', maxstartups: '10:30:100' },
  sshdSource: 'sshd',
  clock: { beganMs: 0, endedMs: 0, stepMs: 0 },
}

const wants: Wants = {
  hasJob: true,
  slots: 67,
  keeper: 'auto',
  needsCurl: true,
  perEndpoint: 8,
  isDispatcherUp: true,
}

const url = 'http://10.0.0.5:7070'

function found(
  change: Partial<NodeFacts>,
  seen: Partial<Observation> = {},
  wanted: Partial<Wants> = {},
): readonly Finding[] {
  const observation: Observation = {
    facts: { ...facts, ...change },
    noise: '',
    clock: { offsetMs: 5, doubtMs: 20 },
    dispatcher: { url, outcome: { kind: 'answers', status: 200 } },
    hashed: undefined,
    notes: [],
    ...seen,
  }
  return findingsOf(observation, { ...wants, ...wanted })
}

/** `error disk`, one for each. */
function named(...of: Parameters<typeof found>): string[] {
  return found(...of).map(({ severity, subject }) => `${severity} ${subject}`)
}

describe('the findings of a node', () => {
  it('are none where all is well', () => {
    expect(found({})).toEqual([])
  })

  it.each<[string, Partial<NodeFacts>, string[]]>([
    ['NFS', { filesystem: 'nfs4' }, ['error filesystem']],
    ['a FUSE client of another machine', { filesystem: 'fuse.sshfs' }, ['error filesystem']],
    ['FUSE on a local disk', { filesystem: 'fuseblk' }, []],
    ['tmpfs', { filesystem: 'tmpfs' }, ['warning filesystem']],
    ['a mount that hangs', { placeState: 'hung', filesystem: '', disk: undefined }, ['error filesystem']],
    ['a relative root', { placeState: 'relative' }, ['error root']],
    ['a folder of somebody else', { placeState: 'denied' }, ['error root']],
    ['noexec', { placeState: 'noexec', mountOptions: 'rw,noexec' }, ['error root']],
    [
      'a full disk, told once',
      { placeState: 'full', disk: { freeBytes: 0, freeInodes: 0, inodes: 9 } },
      ['error disk'],
    ],
    ['hardly any space', { disk: { freeBytes: 50 << 20, freeInodes: 1e6, inodes: 2e6 } }, ['error disk']],
    ['little space', { disk: { freeBytes: 500 << 20, freeInodes: 1e6, inodes: 2e6 } }, ['warning disk']],
    ['few inodes', { disk: { freeBytes: GIB, freeInodes: 9999, inodes: 2e6 } }, ['warning disk']],
    ['a filesystem that does not count inodes', { disk: { freeBytes: GIB, freeInodes: 0, inodes: 0 } }, []],
    ['a missing flock', { missingTools: ['flock', 'zstd'] }, ['error tools']],
    ['a missing curl', { missingTools: ['curl'] }, ['error tools']],
    ['no crontab', { crontab: 'absent' }, ['warning cron']],
    ['a user who may not', { crontab: 'You (deploy) are not allowed' }, ['warning cron']],
    ['no cron daemon', { cronRuns: false }, ['warning cron']],
    ['a cron that cannot be seen', { cronRuns: undefined }, []],
    ['a logind that ends what runs', { killsUserProcesses: true }, ['error linger']],
    ['the same with linger', { killsUserProcesses: true, linger: true }, []],
    ['the same for root', { killsUserProcesses: true, uid: 0 }, []],
    ['few open files', { openFiles: { soft: 256, hard: 256 } }, ['warning limits']],
    ['few processes', { processes: { soft: 400, hard: 400 } }, ['warning limits']],
    ['few processes of root', { processes: { soft: 400, hard: 400 }, uid: 0 }, []],
    ['little memory', { memoryBytes: GIB }, ['warning memory']],
    ['a shell that is not POSIX', { shell: '/usr/bin/fish' }, ['note login shell']],
    ['few sessions', { sshd: { maxsessions: '4' } }, ['warning sshd']],
    ['few startups', { sshd: { maxstartups: '3:50:5' } }, ['note sshd']],
    ['as many startups as handshakes', { sshd: { maxstartups: '8:30:100', persourcemaxstartups: '8' } }, []],
    ['few startups of one address', { sshd: { persourcemaxstartups: '2' } }, ['note sshd']],
    ['no limit for one address', { sshd: { persourcemaxstartups: 'none' } }, []],
    ['an sshd that is not known', { sshd: {}, sshdSource: '' }, []],
  ])('name %s', (_, change, expected) => {
    expect(named(change)).toEqual(expected)
  })

  it('put errors before warnings before notes', () => {
    expect(named({ shell: '/usr/bin/tcsh', crontab: 'absent', filesystem: 'cifs' }, { noise: 'hello\n' })).toEqual([
      'error filesystem',
      'warning cron',
      'warning login shell',
      'note login shell',
    ])
  })

  it('each say what to do, in one sentence', () => {
    const all = found(
      { crontab: 'absent', placeState: 'denied', missingTools: ['flock', 'curl'], sshd: { maxsessions: '1' } },
      { notes: ['ssh_config line 3: ProxyUseFdpass is not supported'] },
    )
    expect(all).toHaveLength(6)
    for (const { message, remedy } of all) expect([message, remedy]).not.toContain('')
  })

  it('follow what the job wants of cron', () => {
    const severities = (['cron', 'auto', 'none'] as const).map((keeper) => named({ cronRuns: false }, {}, { keeper }))
    expect(severities).toEqual([['error cron'], ['warning cron'], []])
  })

  it('are about slots only where there is a job', () => {
    const small = { memoryBytes: GIB, processes: { soft: 10, hard: 10 } }
    expect(named(small, { dispatcher: undefined }, { hasJob: false })).toEqual([])
  })

  it('blame the network only when the dispatcher is known to run', () => {
    const silent = { dispatcher: { url, outcome: { kind: 'silent' } } } as const
    const refused = { dispatcher: { url, outcome: { kind: 'refused' } } } as const
    expect([silent, refused].map((seen) => named({}, seen))).toEqual([['error dispatcher'], ['error dispatcher']])
    expect([silent, refused].map((seen) => named({}, seen, { isDispatcherUp: false }))).toEqual([
      ['warning dispatcher'],
      ['note dispatcher'],
    ])
  })

  it('say that 127.0.0.1 on a node is that node, but where this machine is one or a tunnel ends', () => {
    const at = (kind: 'refused' | 'answers', host: string): Partial<Observation> => ({
      dispatcher: { url: `http://${host}:7070`, outcome: kind === 'refused' ? { kind } : { kind, status: 200 } },
    })
    const away = { isDispatcherUp: false }
    for (const host of ['127.0.0.1', 'localhost', '[::1]'])
      expect(found({}, at('refused', host), away)).toMatchObject([
        { severity: 'error', message: `http://${host}:7070 is the node itself there, and not this machine` },
      ])
    expect(named({ controlAddress: '127.0.0.1' }, at('refused', '127.0.0.1'), away)).toEqual(['note dispatcher'])
    expect(named({}, at('answers', '127.0.0.1'))).toEqual([])
  })

  it('keep what a node said when only the question about the dispatcher failed', () => {
    const outcome = { kind: 'failed', code: 'FLEET_SSH_EXEC_TIMEOUT', message: 'node01: no end' } as const
    expect(found({}, { dispatcher: { url, outcome } })).toMatchObject([
      { severity: 'warning', message: `whether ${url} answers could not be found out (FLEET_SSH_EXEC_TIMEOUT)` },
    ])
  })

  it('take what answers with the wrong status for somebody else', () => {
    const seen = { dispatcher: { url, outcome: { kind: 'answers', status: 404 } } } as const
    expect(named({}, seen)).toEqual(['warning dispatcher'])
  })
})

describe('a clock', () => {
  it('is named only when it is off for certain', () => {
    expect(named({}, { clock: { offsetMs: -2500, doubtMs: 100 } })).toEqual(['warning clock'])
    expect(named({}, { clock: { offsetMs: 2500, doubtMs: 600 } })).toEqual([])
    expect(named({}, { clock: undefined })).toEqual([])
  })

  it('is compared without what the way there and back took', () => {
    // 10 s ahead; 300 ms there, 1 s of work, 100 ms back.
    const there = { beganMs: 10_300, endedMs: 11_300, stepMs: 0 }
    expect(clockOffset(there, 0, 1400)).toEqual({ offsetMs: 10_100, doubtMs: 200 })
    expect(clockOffset(undefined, 0, 1)).toBeUndefined()
  })
})

describe('trees that were hashed', () => {
  const digest = parseDigest('ab'.repeat(32))
  const tree: HashedTree = { kind: 'releases', digest, role: 'current', bad: [], extra: [] }
  const told = (change: Partial<HashedTree>): Finding | undefined =>
    found({}, { hashed: [tree, { ...tree, ...change }] })[0]

  it('are no finding when they are as they were pushed, or were not hashed', () => {
    expect(found({}, { hashed: [tree] })).toEqual([])
    expect(found({}, { hashed: undefined })).toEqual([])
  })

  it('are an error with the files and the command that mends them', () => {
    expect(told({ bad: ['bin/main'] })).toEqual({
      severity: 'error',
      subject: 'release',
      message: 'the current one (abababababab) is damaged: 1 file is not as pushed: bin/main',
      remedy: 'fleet push --verify mends it; look at the disk and memory of the node, if nobody wrote there',
    })
    expect(told({ kind: 'kit', extra: ['x', 'y'] })).toMatchObject({
      subject: 'kit',
      message: 'the current one (abababababab) is damaged: 2 files are not of it: x, y',
    })
  })

  it('do not name more files than a person reads', () => {
    const bad = Array.from({ length: 100 }, (_, index) => `f${index}`)
    expect(told({ bad })?.message).toMatch(/100 files are not as pushed: f0, f1, f2, f3, f4, and 95 more$/)
  })

  it('warn of going back to a damaged release', () => {
    expect(told({ role: 'previous', bad: ['x'] })?.remedy).toMatch(/^do not roll back to it/)
    expect(told({ role: 'older', bad: ['x'] })?.message).toMatch(/^an older one/)
  })

  it('that could not be hashed are told, too', () => {
    expect(told({ failure: 'Input/output error' })?.message).toMatch(/could not be hashed: Input\/output error$/)
  })
})
