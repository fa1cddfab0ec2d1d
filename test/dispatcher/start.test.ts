// Tokens on disk, where a dispatcher may listen, and what it says when it cannot.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseJobName, Secret, systemClock } from '../../src/core/index.ts'
import { createRetryPolicy, loadTokens, startDispatcher, type DispatcherOptions } from '../../src/dispatcher/index.ts'
import { nodeToken } from '../../src/protocol/index.ts'
import { openSqliteLedger, type Ledger } from '../../src/ledger/index.ts'

let folder: string
let ledger: Ledger
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleet-dispatcher-'))
  const policy = createRetryPolicy({ failures: 1, crashes: 1, backoffMs: [1, 1] })
  ledger = await openSqliteLedger({ file: join(folder, 'ledger.db'), policy, clock: systemClock, random: Math.random })
})
afterEach(async () => {
  await ledger.close()
  await rm(folder, { recursive: true })
})

function options(address: string, port = 0): DispatcherOptions {
  return {
    ledger,
    job: parseJobName('photos'),
    listen: { address, port },
    operatorToken: new Secret('o'),
    workerToken: new Secret('w'),
    leaseMs: 1000,
    clock: systemClock,
    random: Math.random,
  }
}

test('tokens are made once, private, and kept, however many ask for them at once', async () => {
  const tokens = join(folder, 'tokens')
  const all = await Promise.all(Array.from({ length: 8 }, () => loadTokens(tokens)))
  expect(new Set(all.map(({ worker }) => worker.reveal())).size).toBe(1)
  expect(all[0]?.operator.reveal()).not.toBe(all[0]?.worker.reveal())
  expect((await loadTokens(tokens)).operator.reveal()).toBe(all[0]?.operator.reveal())
  for (const file of ['operator.token', 'worker.token'])
    expect((await stat(join(tokens, file))).mode & 0o777).toBe(0o600)
})

test('a token file that was damaged is refused and left alone', async () => {
  await writeFile(join(folder, 'operator.token'), 'short')
  await expect(loadTokens(folder)).rejects.toMatchObject({
    code: 'FLEET_DISPATCHER_TOKEN_FILE',
    remedy: expect.stringContaining('operator.token') as string,
  })
})

test("a node's token names its node and depends on both", () => {
  const token = nodeToken(new Secret('secret'), 'sg01.example.net').reveal()
  expect(token).toMatch(/^sg01\.example\.net\.[A-Za-z0-9_-]{43}$/)
  expect(nodeToken(new Secret('other'), 'sg01.example.net').reveal()).not.toBe(token)
})

test.each(['0.0.0.0', '::', '10.0.0.5', 'example.net', '127.example.net', '::ffff:127.0.0.1'])(
  'refuses to listen on %s without --insecure-http',
  async (address) => {
    await expect(startDispatcher(options(address))).rejects.toMatchObject({
      code: 'FLEET_DISPATCHER_INSECURE',
      remedy: expect.stringContaining('--insecure-http') as string,
    })
  },
)

test('listens anywhere with it, and tells an address at which it can be reached from here', async () => {
  const dispatcher = await startDispatcher({ ...options('0.0.0.0'), insecureHttp: true })
  expect(dispatcher.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  await dispatcher.close()
})

test('a port that is taken is an error that says so', async () => {
  const first = await startDispatcher(options('127.0.0.1'))
  const port = Number(new URL(first.url).port)
  await expect(startDispatcher(options('127.0.0.1', port))).rejects.toMatchObject({
    code: 'FLEET_DISPATCHER_CANNOT_LISTEN',
  })
  await first.close()
})
