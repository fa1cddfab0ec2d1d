// The operator lock over many nodes: who gets it, how it is kept, and that it is always given back.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/index.ts'
import type { FleetNode } from '../../../src/fleet/fleet-node.ts'
import { releaseLock } from '../../../src/fleet/lock/release-lock.ts'
import { createLocalConnection } from '../../../src/ssh/index.ts'
import { LockLab, nodeIn } from './lock-lab.ts'

let lab: LockLab

beforeEach(() => {
  lab = new LockLab()
})
afterEach(async () => {
  await lab[Symbol.asyncDispose]()
})

const force = (node: FleetNode) =>
  releaseLock(createLocalConnection(node.node), node.base, { clock: systemClock, isForced: true, command: 'by hand' })

/** Holds the lock until it is told to stop. */
function hold(nodes: readonly FleetNode[], command: string): { held: Promise<unknown>; stop: () => Promise<void> } {
  const held = Promise.withResolvers<undefined>()
  const end = Promise.withResolvers<undefined>()
  const done = lab.lock(nodes, { command, operator: { who: 'ann', host: 'laptop' } }, async () => {
    held.resolve(undefined)
    await end.promise
  })
  done.catch(held.reject)
  return {
    held: held.promise,
    stop: async () => {
      end.resolve(undefined)
      await done
    },
  }
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await sleep(20)
}

it('holds every node while the work runs, and gives all back with what the work gave', async () => {
  const nodes = lab.nodes(1, 2, 3)
  const value = await lab.lock(nodes, { command: 'fleet push' }, async (lock) => {
    expect(await lab.holders(nodes)).toEqual(['fleet push', 'fleet push', 'fleet push'])
    for (const node of nodes) await lab.change(node, lock.claimOf(node.node), 'one')
    expect(nodes.map((node) => lock.epochBefore(node.node))).toEqual([0, 0, 0])
    return 17
  })
  expect(value).toBe(17)
  expect(await lab.holders(nodes)).toEqual([undefined, undefined, undefined])
  expect(nodes.map((node) => lab.content(node))).toEqual(['one', 'one', 'one'])
  await lab.lock(nodes, {}, async (lock) => {
    expect(nodes.map((node) => lock.epochBefore(node.node))).toEqual([1, 1, 1])
    await Promise.resolve()
  })
})

it('gives all back when the work fails, and throws its error', async () => {
  const nodes = lab.nodes(1, 2)
  await expect(lab.lock(nodes, {}, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await lab.holders(nodes)).toEqual([undefined, undefined])
})

it('refuses the second operator at once, says who the first one is, and leaves nothing of the second behind', async () => {
  const first = hold(lab.nodes(2, 3), 'fleet push --restart')
  await first.held
  const nodes = lab.nodes(2, 3, 4)
  await expect(lab.lock(nodes, {}, () => Promise.resolve())).rejects.toMatchObject({
    code: 'FLEET_LOCK_HELD',
    message: expect.stringMatching(
      /^the operator lock of node02 is held by ann@laptop since \S+Z \(\S+\): fleet push --restart$/,
    ) as string,
    remedy: expect.stringContaining('fleet lock status') as string,
  })
  expect(await lab.holders(nodes)).toEqual(['fleet push --restart', 'fleet push --restart', undefined])
  expect((await lab.state(nodeIn(lab.folder, 4))).epoch).toBe(0)
  await first.stop()
})

it('waits for other nodes once the first is taken, then gives it back', async () => {
  const first = hold(lab.nodes(2), 'fleet stop')
  await first.held
  const nodes = lab.nodes(1, 2, 3)
  const said: string[] = []
  await expect(lab.lock(nodes, { say: (line) => said.push(line) }, () => Promise.resolve())).rejects.toMatchObject({
    code: 'FLEET_LOCK_HELD',
    message: expect.stringContaining('node02') as string,
  })
  expect(said).toEqual([
    expect.stringMatching(/^waiting for the operator lock, held by ann@laptop since .*: fleet stop$/),
  ])
  expect(await lab.holders(nodes)).toEqual([undefined, 'fleet stop', undefined])
  await first.stop()
}, 60_000)

it('waits for the other operator when it is told to', async () => {
  const nodes = lab.nodes(1, 2)
  const first = hold(nodes, 'fleet start')
  await first.held
  const second = lab.lock(nodes, { waitMs: 60_000 }, async (lock) => {
    for (const node of nodes) await lab.change(node, lock.claimOf(node.node), 'second')
  })
  await sleep(500)
  expect(nodes.map((node) => lab.content(node))).toEqual([undefined, undefined])
  await first.stop()
  await second
  expect(nodes.map((node) => lab.content(node))).toEqual(['second', 'second'])
}, 90_000)

it('lets one of two operators win whose nodes overlap, whoever comes to them first', async () => {
  for (let round = 0; round < 8; round += 1) {
    const results = await Promise.allSettled([
      lab.lock(lab.nodes(1, 3, 4, 5), { command: 'a' }, () => sleep(50)),
      lab.lock(lab.nodes(2, 5, 4, 3), { command: 'b' }, () => sleep(50)),
    ])
    expect(results.map(({ status }) => status)).toContain('fulfilled')
  }
  expect(await lab.holders(lab.nodes(1, 2, 3, 4, 5))).toEqual(Array(5).fill(undefined))
}, 120_000)

it('goes on without nodes that cannot be reached, and says why for each of them', async () => {
  lab.down.add('node01').add('node03')
  const nodes = lab.nodes(1, 2, 3, 4)
  await lab.lock(nodes, {}, async (lock) => {
    const [one, two, three, four] = nodes.map((node) => () => lock.claimOf(node.node)) as [
      () => unknown,
      () => unknown,
      () => unknown,
      () => unknown,
    ]
    expect(one).toThrow('node01 is down')
    expect(three).toThrow('node03 is down')
    expect([two(), four()]).toMatchObject([{ epoch: 1 }, { epoch: 1 }])
    await Promise.resolve()
  })
})

it('tells of a node where nothing was pushed, and makes nothing there', async () => {
  const nodes = lab.nodes(1)
  await lab.lock(nodes, { createFolder: false }, async (lock) => {
    expect(() => lock.claimOf(nodes[0]?.node as never)).toThrow(/nothing was pushed there/)
    await Promise.resolve()
  })
})

it('is kept by heartbeats for longer than it is good without', async () => {
  const nodes = lab.nodes(1, 2, 3)
  await lab.lock(nodes, { ttlMs: 3000 }, async (lock) => {
    const claims = nodes.map((node) => lock.claimOf(node.node))
    await sleep(5000)
    for (const [index, node] of nodes.entries()) await lab.change(node, claims[index] as never, 'still')
  })
  expect(nodes.map((node) => lab.content(node))).toEqual(['still', 'still', 'still'])
})

it('is renewed over a new connection when one is lost, and taken anew on a node that rebooted', async () => {
  const [one, two] = lab.nodes(1, 2) as [FleetNode, FleetNode]
  await lab.lock([one, two], {}, async (lock) => {
    await lab.cut(one)
    expect(await lock.refresh(one.node)).toEqual(lock.claimOf(one.node))
    expect(lock.claimOf(one.node)).toMatchObject({ epoch: 1 })
    const old = lock.claimOf(two.node)
    lab.feignReboot(two)
    await lab.cut(two)
    await expect(lab.change(two, old, 'stale')).rejects.toMatchObject({ code: 'FLEET_LOCK_LOST' })
    expect(await lock.refresh(two.node)).toMatchObject({ epoch: 2 })
    await lab.change(two, lock.claimOf(two.node), 'new')
    expect(lock.epochBefore(two.node)).toBe(0)
  })
  expect(lab.content(two)).toBe('new')
})

it('is not taken again where the node refused it without any trouble on the way', async () => {
  const [node] = lab.nodes(1) as [FleetNode]
  await lab.lock([node], {}, async (lock) => {
    lab.feignReboot(node)
    await expect(lock.refresh(node.node)).rejects.toMatchObject({ code: 'FLEET_LOCK_LOST' })
    expect(() => lock.claimOf(node.node)).toThrow(/not ours any more/)
    await lab.cut(node)
    await expect(lock.refresh(node.node)).rejects.toMatchObject({ code: 'FLEET_LOCK_LOST' })
  })
})

it('is not taken again after a lost connection where somebody came in between', async () => {
  const [node] = lab.nodes(1) as [FleetNode]
  await lab.lock([node], {}, async (lock) => {
    lab.feignReboot(node)
    await lab.lock([node], { command: 'between' }, () => Promise.resolve())
    await lab.cut(node)
    await expect(lock.refresh(node.node)).rejects.toMatchObject({ code: 'FLEET_LOCK_LOST' })
  })
})

it('survives a link that is down for a while, and goes on meanwhile on the other nodes', async () => {
  const [one, two] = lab.nodes(1, 2) as [FleetNode, FleetNode]
  await lab.lock([one, two], { ttlMs: 3000 }, async (lock) => {
    lab.down.add(one.node)
    await lab.cut(one)
    await until(async () => ((await lab.state(one)).holder?.expiresInS ?? 1) <= 0)
    await lab.change(two, lock.claimOf(two.node), 'two')
    lab.down.delete(one.node)
    await until(async () => ((await lab.state(one)).holder?.expiresInS ?? 0) > 0)
    await lab.change(one, lock.claimOf(one.node), 'one')
    expect(lock.claimOf(one.node)).toMatchObject({ epoch: 2 })
  })
  expect([lab.content(one), lab.content(two)]).toEqual(['one', 'two'])
})

it('is lost to a release by force, which says whom it threw out', async () => {
  const [node] = lab.nodes(1) as [FleetNode]
  await lab.lock([node], { command: 'fleet push' }, async (lock) => {
    expect(await force(node)).toMatchObject({ outcome: 'forced', holder: { command: 'fleet push' } })
    await expect(lab.change(node, lock.claimOf(node.node), 'late')).rejects.toMatchObject({
      code: 'FLEET_LOCK_LOST',
      message: expect.stringContaining('the epoch here is 2, ours is 1') as string,
    })
    await lab.lock([node], { command: 'next' }, async () => {
      await expect(lock.refresh(node.node)).rejects.toMatchObject({ code: 'FLEET_LOCK_LOST' })
      expect(await lab.holders([node])).toEqual(['next'])
    })
  })
  expect(lab.content(node)).toBeUndefined()
})

it('lets interrupted work leave its nodes in order, then gives the lock back', async () => {
  const [node] = lab.nodes(1) as [FleetNode]
  const interruption = new AbortController()
  const done = lab.lock([node], { signal: interruption.signal }, async (lock) => {
    interruption.abort(new Error('interrupted'))
    await sleep(100)
    await lab.change(node, lock.claimOf(node.node), 'in order')
    return 'left'
  })
  expect(await done).toBe('left')
  expect(lab.content(node)).toBe('in order')
  expect(await lab.holders([node])).toEqual([undefined])
})

it('does not begin what was interrupted while it waited', async () => {
  const [node] = lab.nodes(1) as [FleetNode]
  const first = hold([node], 'fleet push')
  await first.held
  const interruption = new AbortController()
  let isBegun = false
  const second = lab.lock([node], { signal: interruption.signal, waitMs: 60_000 }, async () => {
    isBegun = true
    await Promise.resolve()
  })
  setTimeout(() => {
    interruption.abort(new Error('interrupted'))
  }, 300)
  await expect(second).rejects.toThrow('interrupted')
  expect(isBegun).toBe(false)
  await first.stop()
})

/** An operator in a process of its own; `ask` gives what each node answered. */
async function operator(count: number, ttlMs: number) {
  const program = fileURLToPath(new URL('./programs/holder.ts', import.meta.url))
  const child = spawn(process.execPath, [program, lab.folder, String(count), String(ttlMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value))
  await next()
  return {
    child,
    ask: (content: string): Promise<unknown> => {
      child.stdin.write(`${content}\n`)
      return next()
    },
  }
}

it('takes over at once from a run of this machine that was killed, and says so in one line', async () => {
  const nodes = lab.nodes(1, 2)
  const { child } = await operator(2, 60_000)
  await expect(lab.lock(nodes, {}, () => Promise.resolve())).rejects.toMatchObject({ code: 'FLEET_LOCK_HELD' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const said: string[] = []
  await lab.lock(nodes, { say: (line) => said.push(line) }, async () => {
    expect(await lab.holders(nodes)).toEqual(['fleet test', 'fleet test'])
  })
  expect(said).toEqual([
    expect.stringMatching(/^taking over the operator lock of a run that is dead: .*: fleet holder$/),
  ])
})

it('an operator that was stopped and wakes after its lock expired is refused by every node, though nobody took it', async () => {
  const nodes = lab.nodes(1, 2, 3)
  const { child, ask } = await operator(3, 4000)
  try {
    expect(await ask('before')).toEqual(['done', 'done', 'done'])
    child.kill('SIGSTOP')
    await until(async () => {
      const states = await Promise.all(nodes.map((node) => lab.state(node)))
      return states.every(({ holder }) => (holder?.expiresInS ?? 1) <= 0)
    })
    child.kill('SIGCONT')
    expect(await ask('after')).toEqual(['FLEET_LOCK_LOST', 'FLEET_LOCK_LOST', 'FLEET_LOCK_LOST'])
    expect(nodes.map((node) => lab.content(node))).toEqual(['before', 'before', 'before'])
    expect((await lab.state(nodeIn(lab.folder, 1))).epoch).toBe(1)
  } finally {
    child.kill('SIGKILL')
  }
})
