// What an operator and a program read of `fleet uninstall`.
import { expect, it } from 'vitest'
import { rehearsalJson, rehearsalLines, uninstallJson, uninstallLines } from '../../src/cli/output/uninstall-report.ts'
import { FleetError, parseNodeName } from '../../src/core/index.ts'
import { insistOnNothingLeft, LeftoversError, type NodeResult, type UninstallValue } from '../../src/fleet/index.ts'

const name = (number: number): ReturnType<typeof parseNodeName> => parseNodeName(`node0${number}`)
const done: UninstallValue = {
  removed: ['the line of cron', '/x/photos'],
  left: [],
  notes: ['/x stays: it holds .bin'],
}
const partly: UninstallValue = { removed: ['the line of cron'], left: [{ what: '/x/photos', why: 'busy' }], notes: [] }

function left(): LeftoversError {
  try {
    insistOnNothingLeft(partly)
  } catch (error) {
    if (error instanceof LeftoversError) return error
  }
  throw new Error('expected leftovers to be an error')
}

const results: readonly NodeResult<UninstallValue>[] = [
  { node: name(1), ok: true, value: done },
  { node: name(2), ok: true, value: done },
  { node: name(3), ok: true, value: { removed: [], left: [], notes: [] } },
  { node: name(4), ok: false, error: left() },
  { node: name(5), ok: false, error: new FleetError('FLEET_SSH_REFUSED', 'no') },
]

it('equal outcomes are one line', () => {
  expect(uninstallLines(results)).toEqual([
    'node[01-02]  nothing is left; removed: the line of cron, /x/photos; /x stays: it holds .bin',
    'node03  nothing there',
  ])
  expect(insistOnNothingLeft(done)).toBe(done)
})

it('the document has what was removed and left of each node, also of one that failed', () => {
  expect(uninstallJson(results)).toMatchObject({
    schema: 'fleet.uninstall/1',
    nodes: [
      { node: 'node01', ok: true, removed: done.removed, left: [] },
      { node: 'node02', ok: true },
      { node: 'node03', ok: true, removed: [], left: [] },
      {
        node: 'node04',
        ok: false,
        removed: ['the line of cron'],
        left: [{ what: '/x/photos', why: 'busy' }],
        error: {
          code: 'FLEET_NODE_LEFTOVERS',
          message: 'not everything could be removed; left there: /x/photos (busy)',
        },
      },
      { node: 'node05', ok: false, removed: [], left: [], error: { code: 'FLEET_SSH_REFUSED' } },
    ],
  })
})

it('a rehearsal says what would be done', () => {
  const steps: readonly NodeResult<readonly string[]>[] = [
    { node: name(1), ok: true, value: ['take the line out of cron', 'delete /x/photos: 1 KiB'] },
    { node: name(2), ok: true, value: [] },
    { node: name(3), ok: false, error: new FleetError('FLEET_SSH_REFUSED', 'no') },
  ]
  expect(rehearsalLines(steps)).toEqual([
    'node01  would take the line out of cron; delete /x/photos: 1 KiB',
    'node02  nothing there',
  ])
  expect(rehearsalJson(steps)).toMatchObject({
    schema: 'fleet.uninstall/1',
    dry_run: true,
    nodes: [
      { would: ['take the line out of cron', 'delete /x/photos: 1 KiB'] },
      { would: [] },
      { ok: false, would: [] },
    ],
  })
})
