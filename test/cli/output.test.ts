// What an operator sees, to the letter.
import { describe, expect, it } from 'vitest'
import { createOutput, type Output } from '../../src/cli/output/output.ts'
import { errorJson, nodesJson, printError, printNodeErrors } from '../../src/cli/output/errors.ts'
import { statusJson } from '../../src/cli/output/status-json.ts'
import { statusLines } from '../../src/cli/output/status-table.ts'
import { closingLine, pushLines } from '../../src/cli/output/push-table.ts'
import { releaseListLines } from '../../src/cli/output/release-list.ts'
import { count, table } from '../../src/cli/output/table.ts'
import { exitCodeOf, exitCodeOfNodes } from '../../src/cli/exit-code.ts'
import { FleetError, parseDigest, parseNodeName, type FleetErrorCode } from '../../src/core/index.ts'
import type { FleetStatus, NodeResult, NodeRow, PushedValue } from '../../src/fleet/index.ts'

const plain: Output['style'] = (_, text) => text
const none = {
  wanted: 0,
  running: 0,
  adopted: 0,
  backoff: 0,
  finished: 0,
  misconfigured: 0,
  blocked: 0,
  down: 0,
  unknown: 0,
}

function row(node: string, change: Partial<NodeRow>): NodeRow {
  return {
    node: parseNodeName(node),
    state: 'up',
    release: 'abcdef0123456789',
    releases: {},
    keeper: 'cron',
    slots: none,
    restarts: 0,
    done: 0,
    failed: 0,
    ratePerMin: 0,
    ...change,
  }
}

const status: FleetStatus = {
  job: 'photos',
  dispatcher: {
    url: 'http://10.0.0.5:7070',
    status: {
      schema: 'fleet.dispatcher/1',
      job: 'photos',
      state: 'running',
      ids: { imported: 1000000, pending: 899000, leased: 1000, done: 99990, parked: 10 },
      rate: 1234.5,
      eta: 3700,
      stale_calls: 2,
      nodes: [],
      uptime_ms: 1,
      version: '0',
    },
  },
  nodes: [
    row('node01', {
      slots: { ...none, wanted: 67, running: 64, adopted: 2, backoff: 1 },
      restarts: 9,
      done: 51234,
      failed: 2,
      ratePerMin: 620.4,
    }),
    row('node02', { state: 'down', release: '', keeper: 'none', slots: { ...none, down: 67 } }),
    row('n3', {
      state: 'unreachable',
      release: '',
      keeper: '',
      error: new FleetError('FLEET_SSH_UNREACHABLE', 'no route'),
    }),
  ],
  totals: {
    slots: { ...none, wanted: 67, running: 64, adopted: 2, backoff: 1, down: 67 },
    restarts: 9,
    done: 51234,
    failed: 2,
    ratePerMin: 620.4,
  },
}

describe('the status table', () => {
  it('is one row per node, totals, and a line about the dispatcher', () => {
    expect(`\n${statusLines(status, plain).join('\n')}`).toBe(`
NODE    STATE        SLOTS  SUPERVISORS                                RELEASE       KEEPER  RESTARTS    DONE  FAILED     RATE
node01  up           66/67  64 running, 2 adopted, 1 backoff           abcdef012345  cron           9  51,234       2  620/min
node02  down           0/0  67 down                                                  none           0       0       0    0/min
n3      unreachable    0/0  FLEET_SSH_UNREACHABLE                                                   0       0       0    0/min
TOTAL   1 up         66/67  64 running, 2 adopted, 1 backoff, 67 down                               9  51,234       2  620/min
dispatcher http://10.0.0.5:7070 · running · 1,235/min · eta 1h 1m · 2 stale calls refused
1,000,000 imported = 899,000 pending + 1,000 leased + 99,990 done + 10 parked`)
  })

  it('says which release workers still run when it is not the current one', () => {
    const cellOf = (releases: Readonly<Record<string, number>>): string | undefined => {
      const [, line = ''] = statusLines({ ...status, nodes: [row('node01', { releases })] }, plain)
      return /0\/0 {2}- +(.*?) +cron/.exec(line)?.[1]
    }
    expect(cellOf({ abcdef0123456789: 67 })).toBe('abcdef012345')
    expect(cellOf({ abcdef0123456789: 55, '9b1c00000000ff': 12 })).toBe('abcdef012345 (12 of 67 on 9b1c00000000)')
    expect(cellOf({ '9b1c00000000ff': 3, '8a0b00000000ff': 1 })).toBe(
      'abcdef012345 (3 of 4 on 9b1c00000000, 1 on 8a0b00000000)',
    )
  })

  it('says why the dispatcher does not answer', () => {
    const lines = statusLines(
      {
        ...status,
        dispatcher: { url: 'http://x', error: new FleetError('FLEET_PROTOCOL_UNREACHABLE', 'nobody there') },
      },
      plain,
    )
    expect(lines.at(-1)).toBe('dispatcher http://x · nobody there')
  })

  it('has the shape that other programs rely on with --json', () => {
    expect(JSON.parse(JSON.stringify(statusJson(status)))).toMatchObject({
      schema: 'fleet.status/1',
      job: 'photos',
      dispatcher: { url: 'http://10.0.0.5:7070', state: 'running', ids: { imported: 1000000 } },
      totals: { slots: { wanted: 67 }, rate_per_min: 620.4 },
      nodes: [
        {
          node: 'node01',
          state: 'up',
          release: 'abcdef0123456789',
          keeper: 'cron',
          slots: { wanted: 67, running: 64 },
          restarts: 9,
          done: 51234,
          failed: 2,
          rate_per_min: 620.4,
        },
        { node: 'node02' },
        { node: 'n3', state: 'unreachable', error: { code: 'FLEET_SSH_UNREACHABLE', message: 'no route' } },
      ],
    })
  })
})

describe('the end of a push', () => {
  const value = {
    release: parseDigest('ab'.repeat(32)),
    kit: parseDigest('cd'.repeat(32)),
    previous: '',
    sentBytes: 0,
    pruned: [],
    outcome: 'unchanged',
  } as const
  const one = { node: parseNodeName('n1'), ok: true, value } as const
  const failed = (code: FleetErrorCode): NodeResult<PushedValue> => ({
    node: parseNodeName('n2'),
    ok: false,
    error: new FleetError(code, 'x'),
  })

  it('is one line of counts, bytes, time and rate', () => {
    const pushed = { ...one, value: { ...value, outcome: 'pushed', sentBytes: 3 * 1024 * 1024 } } as const
    expect(closingLine([pushed, pushed, one], 2000)).toBe('2 pushed, 1 unchanged · 6.0 MiB in 2s (3.0 MiB/s)')
    expect(closingLine([one, one], 300)).toBe('2 unchanged · nothing sent, 300ms')
    expect(closingLine([one, failed('FLEET_ROLLOUT_STOPPED'), failed('FLEET_SSH_LOST')], 5)).toBe(
      '1 unchanged, 1 not touched, 1 failed · 5ms',
    )
  })

  it('has columns for what was asked for', () => {
    const previous = 'ee'.repeat(32)
    expect(
      pushLines([{ ...one, value: { ...value, previous, outcome: 'switched', restarted: 67, checked: true } }]),
    ).toEqual([
      'NODE  OUTCOME   SENT  RELEASE                       RESTARTED  CHECK',
      'n1    switched     -  eeeeeeeeeeee -> abababababab         67  healthy',
    ])
    expect(pushLines([failed('FLEET_SSH_LOST')])).toEqual([])
  })

  it('lists releases once for all nodes that hold the same, whatever their clocks say', () => {
    const holdings = (installedS: number) => ({
      releases: [{ digest: value.release, installedS }],
      currentRelease: value.release,
      previousRelease: '',
    })
    const results = [1, 2, 3].map(
      (n) => ({ node: parseNodeName(`n${n}`), ok: true, value: holdings(n * 1e6) }) as const,
    )
    const empty = {
      node: parseNodeName('n4'),
      ok: true,
      value: { releases: [], currentRelease: '', previousRelease: '' },
    } as const
    expect(releaseListLines([...results, empty])).toEqual([
      'n[1-3] (3 nodes)',
      '  abababababab  1970-01-12T13:46:40Z  current',
      'n4',
      '  none',
    ])
    const [line] = releaseListLines([{ ...empty, value: holdings(Number.MAX_SAFE_INTEGER) }]).slice(1)
    expect(line).toBe('  abababababab  at an unknown time  current')
  })
})

describe('table', () => {
  it('counts widths without colour codes and leaves no blanks at the end of a line', () => {
    const red = '\u001b[31mx\u001b[39m'
    expect(
      table(
        [{ title: 'A' }, { title: 'NUMBER', align: 'right' }, { title: 'B' }],
        [
          [red, '7', ''],
          ['long', '12', 'b'],
        ],
      ),
    ).toEqual(['A     NUMBER  B', `${red}          7`, 'long      12  b'])
  })

  it('fills in what a row lacks', () => {
    expect(table([{ title: 'A' }, { title: 'B' }], [[]])).toEqual(['A  B', ''])
  })

  it('groups digits', () => {
    expect([0, 999, 1000, 1234567, 1.25].map(count)).toEqual(['0', '999', '1,000', '1,234,567', '1.3'])
  })
})

interface Recorded {
  readonly output: Output
  readonly stdout: string[]
  readonly stderr: string[]
}

function record(options: { json?: boolean; color?: boolean; tty?: boolean }): Recorded {
  const stdout: string[] = []
  const stderr: string[] = []
  const stream = (lines: string[]): NodeJS.WriteStream =>
    Object.assign(Object.create(null) as NodeJS.WriteStream, {
      isTTY: options.tty ?? false,
      write: (text: string) => lines.push(text) > 0,
    })
  const output = createOutput(
    { json: options.json ?? false, color: options.color ?? true },
    { stdout: stream(stdout), stderr: stream(stderr) },
  )
  return { output, stdout, stderr }
}

describe('output', () => {
  it('puts lines or one document on stdout, never both', () => {
    for (const json of [false, true]) {
      const { output, stdout, stderr } = record({ json })
      output.result('a line')
      output.json({ schema: 'x/1' })
      output.note('by the way')
      expect(stdout).toEqual([json ? '{"schema":"x/1"}\n' : 'a line\n'])
      expect(stderr).toEqual(['by the way\n'])
    }
  })

  it('has colours only on a terminal, and not with --no-color or NO_COLOR', () => {
    const isColoured = (options: Parameters<typeof record>[0]): boolean =>
      record(options).output.style('red', 'x') !== 'x'
    const before = process.env['NO_COLOR']
    delete process.env['NO_COLOR']
    expect([isColoured({ tty: true }), isColoured({ tty: false }), isColoured({ tty: true, color: false })]).toEqual([
      true,
      false,
      false,
    ])
    process.env['NO_COLOR'] = '1'
    expect(isColoured({ tty: true })).toBe(false)
    process.env['NO_COLOR'] = ''
    expect(isColoured({ tty: true })).toBe(true)
    if (before === undefined) delete process.env['NO_COLOR']
    else process.env['NO_COLOR'] = before
  })
})

describe('errors', () => {
  const failed = (node: string, error: FleetError): NodeResult<object> => ({
    node: parseNodeName(node),
    ok: false,
    error,
  })

  it('say what happened, what to do and the code; causes only when asked', () => {
    const error = new FleetError('FLEET_TEST_CASE', 'expected water, found fire', {
      remedy: 'pour',
      cause: new Error('lightning'),
    })
    const quiet = record({})
    printError(quiet.output, error, false)
    expect(quiet.stderr).toEqual(['error expected water, found fire\n', '  do   pour\n', '  FLEET_TEST_CASE\n'])
    const loud = record({})
    printError(loud.output, error, true)
    expect(loud.stderr.join('')).toContain('Error: lightning')
  })

  it('of many nodes are told once, with the nodes folded', () => {
    const { output, stderr } = record({})
    const same = (): FleetError => new FleetError('FLEET_TEST_CASE', 'disk full', { remedy: 'make room' })
    printNodeErrors(output, [
      failed('node01', same()),
      failed('node02', new FleetError('FLEET_TEST_OTHER', 'odd')),
      { node: parseNodeName('node03'), ok: true, value: {} },
      failed('node04', same()),
      failed('node05', same()),
    ])
    expect(stderr.map((line) => line.trimEnd())).toEqual([
      'failed node[01,04-05]: disk full',
      '  do   make room',
      '  FLEET_TEST_CASE',
      'failed node02: odd',
      '  FLEET_TEST_OTHER',
    ])
  })

  it('keep code, message and remedy in JSON', () => {
    const error = new FleetError('FLEET_TEST_CASE', 'm', { remedy: 'r' })
    expect(errorJson(error)).toEqual({ code: 'FLEET_TEST_CASE', message: 'm', remedy: 'r' })
    expect(
      nodesJson(
        'fleet.x/1',
        [failed('a', error), { node: parseNodeName('b'), ok: true, value: { seven: 7 } }],
        (value) => value,
      ),
    ).toEqual({
      schema: 'fleet.x/1',
      nodes: [
        { node: 'a', ok: false, error: { code: 'FLEET_TEST_CASE', message: 'm', remedy: 'r' } },
        { node: 'b', ok: true, seven: 7 },
      ],
    })
  })

  it.each<[FleetErrorCode, number]>([
    ['FLEET_CONFIG_INVALID', 2],
    ['FLEET_RELEASE_EMPTY', 2],
    ['FLEET_CLI_BAD_OPTION', 2],
    ['FLEET_CORE_BAD_NAME', 2],
    ['FLEET_CORE_UNEXPECTED', 1],
    ['FLEET_PROTOCOL_UNREACHABLE', 6],
    ['FLEET_CONTROL_NO_TOKEN', 6],
    ['FLEET_CONTROL_NO_DISPATCHER', 6],
    ['FLEET_LEDGER_CORRUPT', 1],
  ])('%s ends the process with %d', (code, exitCode) => {
    expect(exitCodeOf(new FleetError(code, 'x'))).toBe(exitCode)
  })

  it('of some nodes end it with 3, of all with 4, of none with 0', () => {
    const bad = failed('a', new FleetError('FLEET_TEST_CASE', 'x'))
    const good: NodeResult<object> = { node: parseNodeName('b'), ok: true, value: {} }
    expect([[good], [good, bad], [bad, bad], []].map(exitCodeOfNodes)).toEqual([0, 3, 4, 0])
    expect(exitCodeOf(new TypeError('x'))).toBe(1)
  })
})
