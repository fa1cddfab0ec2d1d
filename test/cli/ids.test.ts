// The ledger from the operator's side, against a dispatcher in the foreground and without any fleet.yml.
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../src/core/index.ts'
import { createClient } from '../../src/protocol/index.ts'
import { createJobFolder, ended, FLEET, serve, type JobFolder, type Serving } from './job-folder.ts'

let job: JobFolder
let dispatcher: Serving

beforeAll(async () => {
  job = createJobFolder()
  dispatcher = await serve(job)
})
afterAll(async () => {
  await dispatcher.stop()
  job.remove()
})

const ids = (args: readonly string[], input?: string) =>
  job.fleet(['ids', ...args, ...dispatcher.reach], input === undefined ? {} : { input })

describe('fleet ids', { timeout: 60_000 }, () => {
  it('adds from a file and from stdin, says what was there already, and names refused lines', async () => {
    job.write('users.txt', 'alice\nbob\n山田太郎\n')
    expect(await ids(['add', 'users.txt'])).toMatchObject({ code: 0, stdout: '3 added, 0 already there, 0 refused\n' })
    expect(await ids(['add', 'users.txt'])).toMatchObject({ code: 0, stdout: '0 added, 3 already there, 0 refused\n' })
    expect(await ids(['add', '-'], `carol\n${'x'.repeat(300)}\ndave\n`)).toMatchObject({
      code: 1,
      stdout: '2 added, 0 already there, 1 refused\n',
      stderr: expect.stringMatching(/^-:2: an ID has at most 255 bytes/) as string,
    })
    expect(await ids(['add', '-'], '{"id":"erin","payload":{"n":1}}\n')).toMatchObject({
      code: 0,
      stdout: '1 added, 0 already there, 0 refused\n',
    })
  })

  it('refuses a file that is not there before it calls anybody', async () => {
    expect(await ids(['add', 'nowhere.txt'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FLEET_CLI_BAD_FILE') as string,
    })
  })

  it('lists in the order of import, by state and onwards', async () => {
    expect((await ids(['list'])).stdout).toBe(
      ['alice', 'bob', '山田太郎', 'carol', 'dave', 'erin'].map((id) => `pending\t0\t0\t${id}\n`).join(''),
    )
    expect(await ids(['list', '--state', 'pending', '--after', 'bob', '--limit-ids', '2'])).toMatchObject({
      stdout: 'pending\t0\t0\t山田太郎\npending\t0\t0\tcarol\n',
      stderr: 'there may be more: --after "carol"\n',
    })
    expect(await ids(['list', '--state', 'parked'])).toMatchObject({ code: 0, stdout: '' })
  })

  it('shows the history of an ID, and makes a parked one pending again', async () => {
    const client = createClient({
      url: dispatcher.url,
      token: new Secret(readFileSync(dispatcher.workerTokenFile, 'utf8').trim()),
    })
    const answer = await client.lease({ slot: 'node01/p01', instance: 'i1', waitMs: 1000 })
    if (answer.kind !== 'leased') throw new Error(`expected a lease, got ${answer.kind}`)
    await client.fail({
      id: answer.lease.id,
      fence: answer.lease.fence,
      errorClass: 'source',
      message: 'no such\nuser',
      permanent: true,
    })
    await client.close()
    const shown = await ids(['show', 'alice'])
    expect(shown.stdout).toMatch(
      /^alice {2}parked {2}fence \d+ {2}1 failures {2}0 crashes\nFENCE +SLOT .*\n\d+ +node01\/p01 .* failed +source +no such user\n$/,
    )
    expect(await ids(['list', '--state', 'parked'])).toMatchObject({ stdout: 'parked\t1\t0\talice\n' })
    expect(await ids(['retry', 'alice', 'bob'])).toMatchObject({ code: 0, stdout: '1 parked IDs are pending again\n' })
    expect(await ids(['retry', '--all'])).toMatchObject({ code: 0, stdout: '0 parked IDs are pending again\n' })
  })

  it('ends with 1 for an ID that was never imported, and with 2 for what cannot be one', async () => {
    expect(await ids(['show', 'nobody'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the ledger has no ID "nobody"') as string,
    })
    expect(await ids(['show', ''])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('an ID must not be empty') as string,
    })
  })

  it('exports a line of JSON for every ID', async () => {
    const lines = (await ids(['export'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string })
    expect(lines.map((line) => line.id)).toEqual(['alice', 'bob', '山田太郎', 'carol', 'dave', 'erin'])
    expect(lines.at(-1)).toMatchObject({ id: 'erin', state: 'pending', payload: { n: 1 } })
  })

  it('ends quietly when nobody reads its output any more', async () => {
    await ids(['add', '-'], Array.from({ length: 30_000 }, (_, index) => `user-${index}\n`).join(''))
    const pipe = spawn('sh', [
      '-c',
      '{ "$@"; echo "code $?" >&2; } | head -n 1',
      'sh',
      FLEET,
      'ids',
      'export',
      ...dispatcher.reach,
    ])
    const { stdout, stderr } = await ended(pipe)
    expect(stdout).toMatch(/^\{"id":"alice".*\n$/)
    expect(stderr).toBe('code 0\n')
  })
})

describe('fleet dispatcher serve', () => {
  it('keeps its tokens private', () => {
    for (const file of [dispatcher.workerTokenFile, dispatcher.reach.at(-1) ?? ''])
      expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('refuses a second dispatcher on the same ledger', async () => {
    await expect(serve(job)).rejects.toThrow(/in use by/)
  })

  it('ends by TERM with 143, and another one goes on with the same ledger and tokens', async () => {
    const before = readFileSync(dispatcher.workerTokenFile, 'utf8')
    expect(await dispatcher.stop()).toBe(143)
    dispatcher = await serve(job)
    expect(readFileSync(dispatcher.workerTokenFile, 'utf8')).toBe(before)
    expect((await ids(['list', '--limit-ids', '2'])).stdout).toBe('pending\t0\t0\talice\npending\t0\t0\tbob\n')
  })

  it('says what is missing without fleet.yml', async () => {
    expect(await job.fleet(['dispatcher', 'serve'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--job and --ledger') as string,
    })
  })

  it('refuses to listen off loopback without being told that this is meant', async () => {
    const refused = await job.fleet([
      'dispatcher',
      'serve',
      '--job',
      'a',
      '--ledger',
      'other/ledger.db',
      '--listen',
      '0.0.0.0:0',
    ])
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('FLEET_DISPATCHER_INSECURE')
  })
})
