// Two views of the same slots, joined: what the nodes say, and what the dispatcher counted.
import { describe, expect, it } from 'vitest'
import { FleetError, parseNodeName, parseSlotName } from '../../src/core/index.ts'
import { joinStatus, type FleetStatus, type NodeResult } from '../../src/fleet/index.ts'
import type { NodeStatus, SlotState } from '../../src/node/index.ts'

const one = parseNodeName('node01')
const two = parseNodeName('node02')

function nodeStatus(slots: readonly [SlotState, number][], change: Partial<NodeStatus> = {}): NodeStatus {
  return {
    job: 'photos',
    state: 'up',
    wanted: slots.length,
    generation: 1,
    release: 'ab'.repeat(32),
    keeper: 'cron',
    uptimeSeconds: 100,
    boot: 'b',
    slots: slots.map(([state, starts], index) => ({ slot: parseSlotName(`p0${index + 1}`), state, starts })),
    ...change,
  }
}

function dispatcher(
  nodes: readonly { node: string; done: number; failures: number; crashes: number; rate_per_min: number }[],
): FleetStatus['dispatcher'] {
  return {
    url: 'http://127.0.0.1:7070',
    status: {
      schema: 'fleet.dispatcher/1',
      job: 'photos',
      state: 'running',
      ids: { imported: 10, pending: 3, leased: 2, done: 5, parked: 0 },
      rate: 60,
      eta: 5,
      stale_calls: 0,
      nodes: nodes.map((node) => ({ leased: 0, ...node })),
      uptime_ms: 1000,
      version: '0',
    },
  }
}

const down: FleetStatus['dispatcher'] = {
  url: 'http://127.0.0.1:7070',
  error: new FleetError('FLEET_PROTOCOL_UNREACHABLE', 'nobody there'),
}
const ok = (node: typeof one, value: NodeStatus | undefined): NodeResult<NodeStatus | undefined> => ({
  node,
  ok: true,
  value,
})

describe('joinStatus', () => {
  it('counts slots by state, restarts as starts beyond the first, and adds everything up', () => {
    const found = joinStatus(
      'photos',
      dispatcher([
        { node: 'node01', done: 3, failures: 1, crashes: 2, rate_per_min: 1.5 },
        { node: 'node02', done: 2, failures: 0, crashes: 0, rate_per_min: 2 },
        { node: 'gone', done: 99, failures: 99, crashes: 0, rate_per_min: 99 },
      ]),
      [
        ok(
          one,
          nodeStatus([
            ['running', 1],
            ['adopted', 1],
            ['backoff', 4],
          ]),
        ),
        ok(
          two,
          nodeStatus([
            ['running', 2],
            ['down', 0],
          ]),
        ),
      ],
    )
    expect(found.nodes).toMatchObject([
      {
        node: 'node01',
        state: 'up',
        slots: { wanted: 3, running: 1, adopted: 1, backoff: 1, down: 0 },
        restarts: 3,
        done: 3,
        failed: 3,
        ratePerMin: 1.5,
      },
      {
        node: 'node02',
        state: 'up',
        slots: { wanted: 2, running: 1, down: 1 },
        restarts: 1,
        done: 2,
        failed: 0,
        ratePerMin: 2,
      },
    ])
    expect(found.totals).toMatchObject({
      slots: { wanted: 5, running: 2, adopted: 1, backoff: 1, down: 1 },
      restarts: 4,
      done: 5,
      failed: 3,
      ratePerMin: 3.5,
    })
  })

  it('wants no slots of a node that is to be down', () => {
    const [node] = joinStatus('photos', down, [ok(one, nodeStatus([['down', 5]], { state: 'down', wanted: 8 }))]).nodes
    expect(node).toMatchObject({ state: 'down', slots: { wanted: 0, down: 1 }, restarts: 4 })
  })

  it('counts living workers by the release that they were started from', () => {
    const slots = (['running', 'adopted', 'running', 'backoff', 'down'] as const).map((state, index) => ({
      slot: parseSlotName(`p0${index + 1}`),
      state,
      starts: 1,
      release: index === 0 ? 'new' : 'old',
    }))
    const [node] = joinStatus('photos', down, [ok(one, nodeStatus([], { release: 'new', slots }))]).nodes
    expect(node).toMatchObject({ release: 'new', releases: { old: 2, new: 1 } })
  })

  it('shows a node without the job as absent, and one without an answer as unreachable with its reason, work included', () => {
    const error = new FleetError('FLEET_SSH_UNREACHABLE', 'no route')
    const found = joinStatus(
      'photos',
      dispatcher([{ node: 'node02', done: 7, failures: 0, crashes: 0, rate_per_min: 1 }]),
      [ok(one, undefined), { node: two, ok: false, error }],
    )
    expect(found.nodes).toMatchObject([
      { node: 'node01', state: 'absent', release: '', releases: {}, slots: { wanted: 0 }, done: 0 },
      { node: 'node02', state: 'unreachable', done: 7, error: { code: 'FLEET_SSH_UNREACHABLE' } },
    ])
  })

  it('knows nothing of work while the dispatcher does not answer', () => {
    const found = joinStatus('photos', down, [ok(one, nodeStatus([['running', 1]]))])
    expect(found.nodes).toMatchObject([{ done: 0, failed: 0, ratePerMin: 0, slots: { running: 1 } }])
    expect(found.dispatcher).toBe(down)
  })
})
