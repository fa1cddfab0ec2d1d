// What an operator reads after `fleet check`: readable for fifty nodes, at a hundred columns.
import { describe, expect, it } from 'vitest'
import { checkJson } from '../../src/cli/output/check-json.ts'
import { problemLines } from '../../src/cli/output/check-problems.ts'
import { summaryLines } from '../../src/cli/output/check-summary.ts'
import { checkTable } from '../../src/cli/output/check-table.ts'
import { wrap } from '../../src/cli/output/wrap.ts'
import { FleetError, parseNodeName } from '../../src/core/index.ts'
import type { Finding, NodeCheck, NodeResult } from '../../src/fleet/index.ts'
import { parseFacts } from '../../src/node/index.ts'

const plain = (_: unknown, text: string): string => text

const full: Finding = {
  severity: 'error',
  subject: 'disk',
  message: 'there is no space left in /srv',
  remedy: 'free space',
}
const noCron: Finding = { severity: 'warning', subject: 'cron', message: 'no cron daemon runs', remedy: 'start it' }

function node(
  number: number,
  findings: readonly Finding[] = [],
  os = 'Debian 12',
  connectMs = 80,
): NodeResult<NodeCheck> {
  return {
    node: parseNodeName(`node${String(number).padStart(2, '0')}`),
    ok: true,
    value: {
      facts: parseFacts(
        [
          'fleet-facts 1',
          `os\t${os}`,
          'place_state\tgood',
          'disk\t1024 2048 4096 10 20',
          'open_files\t1024 unlimited',
          'shell\t/bin/bash',
          'user\tdeploy',
          'fleet-facts-end',
        ].join('\n'),
      ),
      noise: '',
      clock: { offsetMs: 10, doubtMs: 5 },
      dispatcher: undefined,
      hashed: undefined,
      notes: [],
      findings,
      connectMs,
      connection: undefined,
    },
  }
}

function dead(number: number): NodeResult<NodeCheck> {
  const name = `node${String(number).padStart(2, '0')}`
  const place = `${name} (deploy@10.0.0.${number}:22)`
  return {
    node: parseNodeName(name),
    ok: false,
    error: new FleetError('FLEET_SSH_CONNECT_TIMEOUT', `expected ${place} to accept a TCP connection`, {
      remedy: `check that ${name} is up`,
    }),
  }
}

const fifty = Array.from({ length: 50 }, (_, index) =>
  index < 20 ? node(index + 1, [noCron]) : index < 48 ? node(index + 1) : dead(index + 1),
)

describe('the problems', () => {
  it('are told once each, the worst first, with folded names and what to do', () => {
    const lines = problemLines([...fifty.slice(0, 30), node(31, [full, noCron]), ...fifty.slice(31)], ['x'], plain)
    expect(lines).toEqual([
      'error    disk: there is no space left in /srv',
      'on       node31',
      'do       free space',
      '',
      'error    FLEET_SSH_CONNECT_TIMEOUT: expected the node to accept a TCP connection',
      'on       node[49-50]',
      'do       check that the node is up',
      '',
      'warning  cron: no cron daemon runs',
      'on       node[01-20,31]',
      'do       start it',
      '',
      'note     inventory: x',
      '',
      '50 nodes: 2 not reached, 1 with errors, 20 with warnings only, 27 well',
    ])
  })

  it('are one line where there are none', () => {
    expect(problemLines([node(1)], [], plain)).toEqual(['1 node: 1 well'])
  })

  it('keep to a hundred columns, however many nodes and words there are', () => {
    const scattered = Array.from({ length: 99 }, (_, index) =>
      node(index * 2, [{ ...full, message: 'word '.repeat(60) }]),
    )
    for (const line of problemLines(scattered, [], plain)) expect(line.length).toBeLessThanOrEqual(100)
  })

  it('fold what the kernel said of each address', () => {
    const cut = [7, 8].map((number) => ({
      node: parseNodeName(`n${number}`),
      ok: false as const,
      error: new FleetError('FLEET_SSH_UNREACHABLE', `n${number}: connect EHOSTUNREACH 10.0.0.${number}:22`),
    }))
    expect(problemLines(cut, [], plain).slice(0, 2)).toEqual([
      'error    FLEET_SSH_UNREACHABLE: the node: connect EHOSTUNREACH',
      'on       n[7-8]',
    ])
  })

  it('leave the name of a node in a longer name alone', () => {
    const error = new FleetError('FLEET_SSH_DNS', 'a: cannot resolve a.example.net or data', { remedy: 'ask a' })
    const [line] = problemLines([{ node: parseNodeName('a'), ok: false, error }], [], plain)
    expect(line).toBe('error    FLEET_SSH_DNS: the node: cannot resolve a.example.net or data')
  })
})

describe('the summary', () => {
  it('has equal values once, the most frequent first, and numbers by their middle and extreme', () => {
    const lines = summaryLines([...fifty.slice(0, 47), node(48, [], 'Debian 13', 950)], plain)
    expect(lines).toContain('OS            Debian 12: node[01-47]; Debian 13: node48')
    expect(lines).toContain('open files    1024, at most unlimited')
    expect(lines).toContain('disk free     median 2.0 MiB, least 2.0 MiB (node01)')
    expect(lines).toContain('clock         median within 15ms, most within 15ms (node48)')
    expect(lines).toContain('connect       median 80ms, most 950ms (node48)')
  })

  it('does not list fifty different values', () => {
    const lines = summaryLines(
      Array.from({ length: 50 }, (_, index) => node(index, [], `OS ${index}`)),
      plain,
    )
    expect(lines.join('\n')).toContain('and 44 more values (-v)')
  })

  it('is nothing where no node was reached', () => {
    expect(summaryLines([dead(1)], plain)).toEqual([])
  })
})

describe('the table of -v', () => {
  it('has a row for every node, also for one that was not reached', () => {
    const rows = checkTable([node(1, [full, noCron, noCron]), node(2), dead(3)])
    expect(rows[1]).toMatch(/^node01 +80ms +deploy +bash +Debian 12 .*1 error, 2 warnings$/)
    expect(rows[2]).toMatch(/well$/)
    expect(rows[3]).toMatch(/^node03 (?: +-){11} +FLEET_SSH_CONNECT_TIMEOUT$/)
  })
})

describe('--json', () => {
  it('has every fact, finding and failure', () => {
    const document: unknown = JSON.parse(
      JSON.stringify(checkJson([node(1, [full]), node(2, [noCron]), dead(3)], ['x'])),
    )
    expect(document).toMatchObject({
      schema: 'fleet.check/1',
      notes: ['x'],
      nodes: [
        {
          node: 'node01',
          ok: false,
          facts: {
            os: 'Debian 12',
            cores: null,
            disk: { free_bytes: 2097152, free_inodes: 10, inodes: 20 },
            open_files: { soft: 1024, hard: 'unlimited' },
            clock_offset_ms: 10,
          },
          findings: [full],
          phases: { total_ms: 80 },
        },
        { node: 'node02', ok: true, findings: [noCron] },
        { node: 'node03', ok: false, error: { code: 'FLEET_SSH_CONNECT_TIMEOUT' } },
      ],
    })
  })
})

describe('wrapping', () => {
  it('breaks between words, and lets a word that is too long stick out', () => {
    expect(wrap('one two three', { first: 'x', indent: 2, width: 9 })).toEqual(['x one two', '  three'])
    expect(wrap('a-very-long-word b', { first: 'x', indent: 2, width: 9 })).toEqual(['x a-very-long-word', '  b'])
    expect(wrap('', { first: 'x', indent: 2, width: 9 })).toEqual(['x'])
  })
})
