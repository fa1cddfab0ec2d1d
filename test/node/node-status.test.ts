// What a node says of itself, as values; and what is refused.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { commandLine, parseStatus, statusCommand } from '../../src/node/index.ts'

const FACTS =
  'fleet-node 1\njob=photos\nstate=up\ngeneration=3\nslots=2\nrelease=abc\nkit=\nkeeper=cron\nuptime=500\nboot=b-1\n'
const SLOTS = 'slot\tp01\trunning\t123\t400\t2\t137\tabc\t\nslot\tp02\tdown\t\t\t0\t\t\tset free\n'

describe('a status', () => {
  test('is read whole', () => {
    expect(parseStatus(`${FACTS}${SLOTS}end\n`)).toEqual({
      job: 'photos',
      state: 'up',
      wanted: 2,
      generation: 3,
      release: 'abc',
      keeper: 'cron',
      uptimeSeconds: 500,
      boot: 'b-1',
      slots: [
        { slot: 'p01', state: 'running', pid: 123, forSeconds: 100, starts: 2, lastExit: 137, release: 'abc' },
        { slot: 'p02', state: 'down', starts: 0, detail: 'set free' },
      ],
    })
  })

  test.each([
    ['nothing', ''],
    ['another program', 'Welcome!\n'],
    ['a cut answer', `${FACTS}slot\tp01\trunn`],
    ['a cut end', `${FACTS}${SLOTS}`],
    ['a missing fact', `${FACTS.replace('keeper=cron\n', '')}${SLOTS}end\n`],
    ['an unknown state', `${FACTS}${SLOTS.replace('running', 'dancing')}end\n`],
    ['a bad slot', `${FACTS}${SLOTS.replace('p01', 'p1')}end\n`],
    ['a bad number', `${FACTS}${SLOTS.replace('123', '12x')}end\n`],
    ['too many fields', `${FACTS}${SLOTS.replace('abc\t', 'abc\t\t')}end\n`],
    ['a stray line', `${FACTS}hello\n${SLOTS}end\n`],
  ])('that is %s is refused', (_, text) => {
    expect(() => parseStatus(text)).toThrow(expect.objectContaining({ code: 'FLEET_NODE_BAD_STATUS' }) as Error)
  })
})

test('a node that never got the kit answers with exit 66', async () => {
  await expect(
    promisify(execFile)('sh', ['-c', commandLine(statusCommand('/nonexistent/fleet'))]),
  ).rejects.toMatchObject({ code: 66 })
})
